"""The replay server: a Messages API on the loopback interface that answers from a scenario."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agentflow.errors import AgentflowError
from agentflow.replay.cache import PromptCache, tokens
from agentflow.replay.faults import error, instead, spoil, spoil_whole
from agentflow.replay.hosting import Loopback
from agentflow.replay.redact import secrets_in
from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import Scenario
from agentflow.replay.script import Reply, Script, Unmatched
from agentflow.replay.structured import refusal
from agentflow.replay.wire import JSON, Renderer, Unanswerable, events, frame, message

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-2")


class ReplayServer:
    """Plays a scenario while the context is open.

    `requests` are the model requests so far, oldest first, those that nothing answered among them. With `log` each is
    also appended to that file as a JSON line before its answer goes out; credentials are in neither.
    """

    def __init__(self, scenario: Scenario, port: int = 0, log: Path | None = None) -> None:
        self.requests: list[ReplayRequest] = []
        self._script = Script(scenario)
        self._renderer = Renderer()
        self._cache = PromptCache()
        self._log = log
        self._loopback = Loopback(self._application(), port)

    @property
    def base_url(self) -> str:
        return self._loopback.base_url

    @property
    def unmatched(self) -> list[ReplayRequest]:
        """The requests that nothing in the scenario answered."""
        return [request for request in self.requests if request.answered_by is None]

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        await self._loopback.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await self._loopback.__aexit__(kind, failure, trace)

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/messages", self._messages, methods=["POST"]),
                Route("/v1/messages/count_tokens", _count_tokens, methods=["POST"]),
                Route("/v1/models", _models),
                Route("/{path:path}", _alive, methods=["HEAD"]),
            ]
        )

    async def _messages(self, http: Request) -> Response:
        request = ReplayRequest.parse(dict(http.headers), await http.body(), time.time())
        if request is None:
            return error(400, "the body is not a request for a message")
        if refused := refusal(request.body):
            self._remember(request)
            return error(400, refused)
        try:
            reply = self._script.reply(request)
            response = self._response(reply, request, _account(http))
        except (Unmatched, Unanswerable) as reason:
            self._remember(request)
            return error(400, str(reason), {"x-should-retry": "false"})
        self._remember(replace(request, answered_by=reply.place))
        await asyncio.sleep(reply.turn.delay)
        return response

    def _response(self, reply: Reply, request: ReplayRequest, account: str) -> Response:
        fault, streaming = reply.fault, bool(request.body.get("stream"))
        if fault and (said := instead(fault, streaming=streaming)) is not None:
            return said
        answer = self._answer(reply, request, account)
        if not streaming:
            whole = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
            return spoil_whole(fault, whole, self._closing) if fault else Response(whole, media_type="application/json")
        told = list(events(answer))
        if fault:
            return spoil(fault, told, self._closing)
        return StreamingResponse(_each(frame(name, data) for name, data in told), media_type="text/event-stream")

    def _answer(self, reply: Reply, request: ReplayRequest, account: str) -> JSON:
        content = self._renderer.content(reply.turn, request)
        usage = self._cache.usage(f"{account} {request.model}", request.body, request.at)
        return message(reply.turn, content, request, {**usage, "output_tokens": tokens(content)})

    def _remember(self, request: ReplayRequest) -> None:
        self.requests.append(request)
        if self._log:
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(request.as_json()) + "\n")


class ThreadedReplay:
    """A replay server in a thread of its own, for callers that are not asynchronous."""

    def __init__(self, scenario: Scenario, port: int = 0, log: Path | None = None) -> None:
        self._server = ReplayServer(scenario, port, log)
        self._started = threading.Event()
        self._failure: AgentflowError | None = None
        self._thread = threading.Thread(target=self._run, name="agentflow-replay", daemon=True)

    @property
    def base_url(self) -> str:
        return self._server.base_url

    @property
    def requests(self) -> list[ReplayRequest]:
        return self._server.requests

    @property
    def unmatched(self) -> list[ReplayRequest]:
        return self._server.unmatched

    def start(self) -> None:
        """Start serving. Raises EnvironmentError_ when the port is taken."""
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End all conversations and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except AgentflowError as failure:
            self._failure = failure
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with self._server:
            self._started.set()
            await self._stopping.wait()


async def _each(frames: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in frames:
        yield part


def _account(http: Request) -> str:
    """Who the prompt cache belongs to; kept in memory only, as part of a digest."""
    return " ".join(sorted(secrets_in(dict(http.headers))))


async def _count_tokens(http: Request) -> JSONResponse:
    return JSONResponse({"input_tokens": tokens(await http.json())})


async def _models(_: Request) -> JSONResponse:
    data: list[dict[str, Any]] = [{"type": "model", "id": name, "display_name": name} for name in MODELS]
    return JSONResponse({"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})


async def _alive(_: Request) -> Response:
    return Response()
