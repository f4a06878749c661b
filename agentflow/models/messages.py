"""Sessions that are one HTTP request: agents without tools, answered by the Messages API directly."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from agentflow.domain.agents import Agent
from agentflow.domain.calls import Request
from agentflow.domain.untrusted import name
from agentflow.errors import EnvironmentError_
from agentflow.models.asking import Unanswered, patiently, read_answer
from agentflow.models.decoder import json_object, rows, table, text, texts
from agentflow.models.failures import quality, transport
from agentflow.models.login import LoginKind, endpoint_login
from agentflow.models.outputs import check_schema, output_error
from agentflow.models.prices import PriceTable
from agentflow.models.session import Endpoint, Failure, Observer, RequestFinished, SessionRequest, SessionResult
from agentflow.models.usage import request_of

if TYPE_CHECKING:
    import ssl

    import anthropic

MAX_TOKENS = 16_000
_AGAIN = "That answer cannot be read: {why}. Answer once more, with nothing but the JSON object."

JSON = dict[str, Any]


def needs_claude_code(agent: Agent) -> bool:
    """Whether an agent has tools; without any, one request does."""
    return bool(agent.tools)


class MessagesRunner:
    """Runs tool-less sessions against one endpoint, with an API key or a gateway's token.

    A subscription works in the CLI only: where `Login.allows_direct_requests` is false, ClaudeCodeRunner does the job.
    """

    def __init__(
        self,
        endpoint: Endpoint | None = None,
        prices: PriceTable | None = None,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`env`: what login and address are read from when the endpoint leaves them open (default: the process's)."""
        self._endpoint = endpoint or Endpoint()
        self._prices = prices or PriceTable()
        self._env = os.environ if env is None else env

    async def run(self, request: SessionRequest, observe: Observer) -> SessionResult:
        """One request, repeated while a fault may pass; one more where the answer is not readable.

        Raises EnvironmentError_ without a usable login, UsageError on an invalid schema; all else is a Failure.
        """
        check_schema(request.schema)
        started = time.monotonic()
        finished: list[Request] = []
        output, failure = None, None
        try:
            # Within the time as well: the end of a connection is the other side's to delay.
            async with asyncio.timeout(request.agent.limits.timeout_s), self._client(request) as client:
                body = _body(request)
                answer = await self._ask(client, body, finished, observe)
                output, failure = _read(answer, request)
                if failure is not None and _is_unreadable(answer):
                    body["messages"] += _once_more(answer, failure.reason)
                    output, failure = _read(await self._ask(client, body, finished, observe), request)
        except TimeoutError:
            failure = transport(f"no answer within {request.agent.limits.timeout_s:g} s")
        except Unanswered as reason:
            failure = failure or reason.failure
        return _result(output, failure, tuple(finished), time.monotonic() - started)

    async def _ask(
        self, client: anthropic.AsyncAnthropic, body: JSON, finished: list[Request], observe: Observer
    ) -> JSON:
        return await patiently(lambda: self._once(client, body, finished, observe), observe)

    async def _once(
        self, client: anthropic.AsyncAnthropic, body: JSON, finished: list[Request], observe: Observer
    ) -> JSON:
        """The answer as plain data: a gateway's may lack anything that the client's own types promise.

        What begins as an answer was paid for, however it ends.
        """
        content = bytearray()
        try:
            await read_answer(client, body, content)
        finally:
            if content.lstrip().startswith(b"{"):
                done = self._priced(body, bytes(content))
                finished.append(done)
                observe(RequestFinished(done))
        return json_object(bytes(content)) or {}

    def _priced(self, body: JSON, content: bytes) -> Request:
        answer = json_object(content) or {}
        sent = sum(len(block["text"]) for block in body["system"]) + sum(len(m["content"]) for m in body["messages"])
        model, usage = text(answer.get("model")) or body["model"], table(answer.get("usage"))
        return request_of(model, usage, self._prices.price, sent=sent, said=len(content))

    def _client(self, request: SessionRequest) -> anthropic.AsyncAnthropic:
        import anthropic

        login = endpoint_login(self._endpoint, request.label.tier, self._env)
        if not login.allows_direct_requests:
            raise EnvironmentError_("a Claude subscription cannot call the Messages API", hint="set ANTHROPIC_API_KEY")
        is_key = login.kind is LoginKind.API_KEY
        return anthropic.AsyncAnthropic(
            api_key=login.secret if is_key else None,
            auth_token=None if is_key else login.secret,
            base_url=self._endpoint.base_url or self._env.get("ANTHROPIC_BASE_URL") or None,
            timeout=request.agent.limits.timeout_s,
            max_retries=0,
            default_headers=request.label.headers(),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=_certificates(), follow_redirects=False),
        )


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust. Reading it takes longer than all else that prepares a request, so it is done once."""
    import httpx2

    return httpx2.create_ssl_context()


def _body(request: SessionRequest) -> dict[str, Any]:
    import anthropic

    system: list[dict[str, Any]] = [{"type": "text", "text": text} for text in request.standing_texts]
    system[-1]["cache_control"] = {"type": "ephemeral"}
    # The API refuses bounds and the like: they travel as words, and the answer is checked against the whole schema.
    schema = anthropic.transform_schema(_with_shares(dict(request.schema)))
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": MAX_TOKENS,
        "system": system,
        "messages": [{"role": "user", "content": request.prompt}],
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
    }
    if request.agent.effort:
        body["output_config"]["effort"] = request.agent.effort
    return body


def _with_shares(node: Any) -> Any:
    """The schema with twentieths for what is from 0 to 1: the API holds to an enumeration."""
    if isinstance(node, list):
        return [_with_shares(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "number" and (node.get("minimum"), node.get("maximum")) == (0, 1):
        kept = {key: value for key, value in node.items() if key not in {"minimum", "maximum"}}
        return {**kept, "enum": [n / 20 for n in range(21)]}
    return {key: _with_shares(value) for key, value in node.items()}


def _read(answer: JSON, request: SessionRequest) -> tuple[Mapping[str, Any] | None, Failure | None]:
    if answer.get("stop_reason") == "refusal":
        return None, quality("the model refused")
    if answer.get("stop_reason") == "max_tokens":
        return None, quality(f"the answer is longer than {MAX_TOKENS} tokens")
    said = texts(rows(answer.get("content")))
    if (output := request.readable(said)) is not None:
        return output, None
    plain = json_object(said)
    return None, quality("the answer is not JSON" if plain is None else output_error(plain, request.accepted) or "")


def _is_unreadable(answer: JSON) -> bool:
    """Whether it holds no object at all; a refusal stays one, and an answer that was cut would be cut again."""
    said = texts(rows(answer.get("content")))
    return answer.get("stop_reason") not in {"refusal", "max_tokens"} and json_object(said) is None


def _once_more(answer: JSON, why: str) -> list[JSON]:
    """The conversation goes on: what was read already comes from the cache."""
    said = texts(rows(answer.get("content"))).strip() or "…"
    return [{"role": "assistant", "content": said}, {"role": "user", "content": _AGAIN.format(why=name(why))}]


def _result(
    output: Mapping[str, Any] | None, failure: Failure | None, requests: tuple[Request, ...], duration_s: float
) -> SessionResult:
    return SessionResult(
        output=output,
        failure=failure,
        session_id=None,
        requests=requests,
        cli_cost_usd=None,
        ttft_s=None,
        duration_s=duration_s,
    )
