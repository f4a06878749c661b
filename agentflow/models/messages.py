"""Sessions that are one HTTP request: agents without tools, answered by the Messages API directly."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from agentflow.domain.agents import Agent
from agentflow.domain.calls import Request
from agentflow.errors import EnvironmentError_
from agentflow.models.failures import Ending, classify, quality, transport
from agentflow.models.login import LoginKind, endpoint_login
from agentflow.models.outputs import check_schema, output_error
from agentflow.models.prices import PriceTable
from agentflow.models.session import Endpoint, Failure, Observer, RequestFinished, SessionRequest, SessionResult
from agentflow.models.usage import tokens_of

if TYPE_CHECKING:
    import ssl

    import anthropic

MAX_TOKENS = 16_000


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
        """One request, retried twice by the client within the agent's time.

        Raises EnvironmentError_ without a usable login, UsageError on an invalid schema; all else is a Failure.
        """
        import anthropic

        check_schema(request.schema)
        started = time.monotonic()
        answer, failure = None, None
        async with self._client(request) as client:
            try:
                async with asyncio.timeout(request.agent.limits.timeout_s):
                    answer = await client.messages.create(**_body(request))
            except TimeoutError:
                failure = transport(f"no answer within {request.agent.limits.timeout_s:g} s")
            except anthropic.APIError as error:
                failure = _failure(error)
        duration = time.monotonic() - started
        if answer is None:
            return _result(None, failure, (), duration)
        finished = self._priced(answer)
        observe(RequestFinished(finished))
        output, failure = _read(answer, request.schema)
        return _result(output, failure, (finished,), duration)

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
            max_retries=2,
            default_headers=request.label.headers(),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=_certificates()),
        )

    def _priced(self, answer: anthropic.types.Message) -> Request:
        tokens = tokens_of(answer.usage.model_dump())
        return Request(answer.model, tokens, self._prices.price(answer.model, tokens))


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
    schema = anthropic.transform_schema(dict(request.schema))
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


def _read(
    answer: anthropic.types.Message, schema: Mapping[str, Any]
) -> tuple[Mapping[str, Any] | None, Failure | None]:
    if answer.stop_reason == "refusal":
        return None, quality("the model refused")
    if answer.stop_reason == "max_tokens":
        return None, quality(f"the answer is longer than {MAX_TOKENS} tokens")
    text = "".join(block.text for block in answer.content if block.type == "text")
    try:
        output = json.loads(text)
    except ValueError:
        return None, quality("the answer is not JSON")
    wrong = output_error(output, schema)
    return (None, quality(wrong)) if wrong else (output, None)


def _failure(error: anthropic.APIError) -> Failure:
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        seconds = error.response.headers.get("anthropic-ratelimit-unified-reset")
        resets_at = float(seconds) if seconds and error.status_code == 429 else None
        told = f"HTTP {error.status_code}: {error.api_message}" if error.api_message else str(error)
        return classify(Ending(told, error.status_code, error.type or "", retries=2, resets_at=resets_at))
    if isinstance(error, anthropic.APIConnectionError):
        return transport(f"no answer from {error.request.url.host}: {error.__cause__ or error}")
    return transport(str(error))


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
