"""Recording: a proxy in front of a Messages API that keeps what was said as a scenario."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agentflow.config.yaml import dump_yaml
from agentflow.replay.faults import error
from agentflow.replay.hosting import Loopback, cut
from agentflow.replay.redact import secrets_in
from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import load_scenario
from agentflow.replay.transcript import Answer, Heard, scenario_of

DEFAULT_UPSTREAM = "https://api.anthropic.com"
#: What belongs to one connection (RFC 9110, section 7.6.1), and what no longer holds once a body is decoded.
_NOT_FORWARDED = {
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
    "accept-encoding",
    "content-encoding",
}


class Recorder:
    """Forwards requests to `upstream` while the context is open, then writes `file`, a scenario that answers the same.

    Credentials travel upstream and are never stored: not the headers, nor the same text or anything that looks like a
    key inside an answer. Without any request no file is written. Raises UsageError when the file cannot be replayed.
    """

    def __init__(self, upstream: str, file: Path, port: int = 0) -> None:
        self.heard: list[Heard] = []
        self._upstream = upstream.rstrip("/")
        self._file = file
        self._secrets: set[str] = set()
        everything = Route("/{path:path}", self._forward, methods=["GET", "HEAD", "POST", "DELETE"])
        self._loopback = Loopback(Starlette(routes=[everything]), port)

    @property
    def base_url(self) -> str:
        return self._loopback.base_url

    async def __aenter__(self) -> Self:
        plain = {"accept-encoding": "identity"}
        self._client = httpx2.AsyncClient(headers=plain, timeout=httpx2.Timeout(600, connect=30))
        await self._loopback.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._loopback.__aexit__(kind, failure, trace)
        await self._client.aclose()
        if self.heard:
            self._write()

    async def _forward(self, http: Request) -> Response:
        headers, body = dict(http.headers), await http.body()
        self._secrets |= secrets_in(headers)
        request = ReplayRequest.parse(headers, body, time.time())
        try:
            answer = await self._client.send(self._outgoing(http, body), stream=True)
        except httpx2.RequestError as failure:
            return error(502, f"{self._upstream} cannot be reached: {failure!r}")
        if request and http.method == "POST" and http.url.path == "/v1/messages":
            return _Passing(answer, lambda whole: self.heard.append((request, whole)))
        return _Passing(answer, lambda _: None)

    def _outgoing(self, http: Request, body: bytes) -> httpx2.Request:
        query = f"?{http.url.query}" if http.url.query else ""
        url = f"{self._upstream}{http.scope['raw_path'].decode()}{query}"
        return self._client.build_request(http.method, url, headers=_forwarded(http.headers.items()), content=body)

    def _write(self) -> None:
        in_order = sorted(self.heard, key=lambda said: said[0].at)
        data = scenario_of(in_order, self._file.stem, self._secrets)
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text(dump_yaml(data), encoding="utf-8")
        draft.replace(self._file)
        load_scenario(self._file)


class _Passing(Response):
    """Passes an upstream answer on as it comes, and tells `listen` what it was when it has ended."""

    def __init__(self, answer: httpx2.Response, listen: Callable[[Answer], None]) -> None:
        super().__init__(status_code=answer.status_code)
        kept = _forwarded(answer.headers.multi_items())
        self.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
        self._answer = answer
        self._listen = listen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        content = bytearray()
        complete = False
        try:
            async for chunk in self._answer.aiter_bytes():
                content += chunk
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            complete = True
        except httpx2.RequestError:
            await cut(scope, receive)
        finally:
            self._listen(Answer(self._answer.status_code, dict(self._answer.headers), bytes(content), complete))
            await self._answer.aclose()
        if complete:
            await send({"type": "http.response.body", "body": b""})


def _forwarded(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _NOT_FORWARDED]
