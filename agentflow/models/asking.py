"""Requests to the Messages API: repeated where a fault may pass, and why there is no answer where none came."""

from __future__ import annotations

import asyncio
import email.utils
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from agentflow.domain.attempts import FailureKind
from agentflow.models.decoder import MAX_MESSAGE, json_value, number
from agentflow.models.failures import Ending, classify, environment, transport
from agentflow.models.session import Failure, Observer, Retrying

if TYPE_CHECKING:
    import anthropic

T = TypeVar("T")

#: Seconds before each further try, unless the provider asks for more.
PAUSES = (0.5, 1.0)
#: Seconds that a provider may ask for; Claude Code does not wait for longer either.
PATIENCE_S = 60.0
#: What proxies on the way answer with is HTML.
_TAG = re.compile(r"<(style|script)\b.*?</\1>|<[^<>]*>", re.DOTALL | re.IGNORECASE)


class Unanswered(Exception):  # noqa: N818  it carries a failure, which says what is wrong
    """No answer came. `asked_wait_s`: seconds that the provider wants to be left alone."""

    def __init__(self, failure: Failure, *, passes: bool = False, asked_wait_s: float = 0.0) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.passes = passes and asked_wait_s <= PATIENCE_S
        self.asked_wait_s = asked_wait_s


async def patiently(ask: Callable[[], Awaitable[T]], observe: Observer) -> T:
    """What `ask` gives; asked again after each of PAUSES while what it raises may pass. Raises the last Unanswered."""
    for pause in PAUSES:
        try:
            return await ask()
        except Unanswered as reason:
            if not reason.passes:
                raise
            wait_s = max(pause, reason.asked_wait_s)
            observe(Retrying(reason.failure.http_status, wait_s))
            await asyncio.sleep(wait_s)
    return await ask()


async def read_answer(client: anthropic.AsyncAnthropic, request: Mapping[str, Any], into: bytearray) -> None:
    """Add the body of the answer to `into` as it comes. Raises Unanswered."""
    import anthropic
    import httpx2

    try:
        async with client.messages.with_streaming_response.create(**request) as response:
            async for piece in response.iter_bytes():
                into += piece
                if len(into) > MAX_MESSAGE:
                    raise Unanswered(transport(f"the answer is larger than {MAX_MESSAGE >> 20} MiB"))
    except anthropic.APIStatusError as error:
        raise _refused(error) from error
    except (anthropic.APIError, httpx2.RequestError, httpx2.InvalidURL) as error:
        raise _unreached(client.base_url.host or str(client.base_url), error) from error
    if json_value(bytes(into)) is None and into.strip() != b"null":
        told = _plain(into[:2000].decode("utf-8", "replace"))[:80] or "an empty body"
        raise Unanswered(transport(f"{client.base_url.host} answered with no JSON: {told}"), passes=True)


def _refused(error: anthropic.APIStatusError) -> Unanswered:
    """An HTTP error: whether it may pass is for its class to say, unless the provider itself does."""
    headers = error.response.headers
    wait_s, resets_at = _asked_wait(headers), None
    if error.status_code == 429:
        resets_at = _reset(headers) or (time.time() + wait_s if wait_s > PATIENCE_S else None)
    said = error.api_message or _plain(error.response.text)
    told = f"HTTP {error.status_code}: {said}".removesuffix(": ")
    is_final = headers.get("x-should-retry") == "false"
    ending = Ending(told, error.status_code, error.type or "", retries=0 if is_final else 1, resets_at=resets_at)
    failure = classify(ending)
    passes = failure.kind is FailureKind.TRANSPORT and not is_final
    return Unanswered(failure, passes=passes, asked_wait_s=wait_s)


def _unreached(host: str, error: Exception) -> Unanswered:
    import httpx2

    causes = list(_causes(error))
    told = f"no answer from {host}: {causes[-1] if len(causes) == 1 else causes[1]}"
    if any(isinstance(cause, ssl.SSLError | httpx2.UnsupportedProtocol | httpx2.InvalidURL) for cause in causes):
        return Unanswered(environment(f"{told}; is the address right?"))
    return Unanswered(transport(told), passes=True)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _plain(page: str) -> str:
    """The words of a page, on one line."""
    return " ".join(_TAG.sub(" ", page).split())


def _asked_wait(headers: Mapping[str, str]) -> float:
    """Seconds by `retry-after-ms`, or by `retry-after` as a number or a date (RFC 9110, 10.2.3); 0 by nothing of it."""
    if (milliseconds := number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    told = headers.get("retry-after", "")
    if (seconds := number(told)) is not None:
        return seconds
    parsed = email.utils.parsedate_tz(told)
    return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else 0.0


def _reset(headers: Mapping[str, str]) -> float | None:
    """When a used-up window of a subscription opens again, Unix seconds."""
    if headers.get("anthropic-ratelimit-unified-status", "rejected") != "rejected":
        return None
    return number(headers.get("anthropic-ratelimit-unified-reset"))
