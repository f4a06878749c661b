"""GitHub's REST and GraphQL interfaces through `gh api`, with its refusals as errors in GitHub's own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from agentflow.domain.text import shown
from agentflow.errors import AgentflowError, EnvironmentError_, UpstreamError
from agentflow.github.gh import gh

#: Seconds. GitHub's advice for a secondary rate limit that names no time, and the longest one that is waited for.
DEFAULT_WAIT_S, LONGEST_WAIT_S = 60.0, 120.0
_PER_PAGE = 100
_LONGEST_QUOTE = 500
_HINTS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "gh auth login",
    HTTPStatus.FORBIDDEN: "the login lacks a permission: gh auth status",
    HTTPStatus.NOT_FOUND: "see that it exists and that the login may see it: gh auth status",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """GitHub's answer to one request. Names in `headers` are in lower case."""

    request: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def ok(self) -> bool:
        return self.status < HTTPStatus.BAD_REQUEST

    @property
    def said(self) -> str:
        """GitHub's words, on one line and not too long."""
        words = shown(" ".join(_words(self.body).split()))
        return words if len(words) <= _LONGEST_QUOTE else words[: _LONGEST_QUOTE - 1] + "…"

    @property
    def wait_s(self) -> float | None:
        """Seconds GitHub asks to wait for before the same request again; None when waiting is not the point."""
        if self.status not in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
            return None
        if (named := self.headers.get("retry-after", "")).isdecimal():
            return float(named)
        return DEFAULT_WAIT_S if "secondary rate limit" in self.said.lower() else None

    def value(self, kind: type[T]) -> T:
        """The body as a `kind`. Raises what `error` gives, or UpstreamError when the body is something else."""
        if not self.ok:
            raise self.error()
        try:
            return TypeAdapter(kind).validate_json(self.body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the answer"
            raise UpstreamError(f"{self.request}: GitHub answered strangely: {where}: {first['msg']}") from error

    def error(self) -> AgentflowError:
        """The refusal as an error: UpstreamError where GitHub fails or is busy, EnvironmentError_ for the rest."""
        what = f"{self.request}: GitHub says {self.status}: {self.said}"
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return UpstreamError(what, hint="try again later: what was posted is not posted twice")
        if self.wait_s is not None:
            return UpstreamError(what, hint=f"try again in {self.wait_s:g} s")
        if self.headers.get("x-ratelimit-remaining") == "0":
            return UpstreamError(what, hint="the hour's requests are used up: gh api rate_limit")
        return EnvironmentError_(what, hint=_HINTS.get(self.status))


class _Data(BaseModel):
    """What GraphQL answers: it refuses with a status of 200, too."""

    data: Any = None
    errors: list[Any] = []


@dataclass(frozen=True, slots=True)
class Api:
    """One GitHub host, seen with the user's login. Paths are made of checked words and start with none of `-`, `/`."""

    cwd: Path
    host: str

    async def get(self, path: str, kind: type[T]) -> T:
        return (await self.send("GET", path)).value(kind)

    async def pages(self, path: str, kind: type[T]) -> list[T]:
        """Everything in a list, however many pages it has."""
        found: list[T] = []
        for page in range(1, 1000):
            items = await self.get(f"{path}?per_page={_PER_PAGE}&page={page}", list[kind])  # type: ignore[valid-type]
            found += items
            if len(items) < _PER_PAGE:
                break
        return found

    async def query(self, text: str, kind: type[T], variables: Mapping[str, Any]) -> T:
        """What a GraphQL query or mutation gives. Raises EnvironmentError_ in GitHub's words when it gives errors."""
        answer = await self.send("POST", "graphql", {"query": text, "variables": dict(variables)})
        data = answer.value(_Data)
        if data.errors:
            raise EnvironmentError_(f"{answer.request}: GitHub says: {answer.said}")
        return replace(answer, body=json.dumps(data.data)).value(kind)

    async def send(self, method: str, path: str, payload: Mapping[str, Any] | None = None) -> Answer:
        """Send one request; when GitHub asks to wait a little, once more after that time.

        A request that may have reached its goal is never repeated. Raises UpstreamError when GitHub is out of reach.
        """
        answer = await self._send(method, path, payload)
        if answer.wait_s is None or answer.wait_s > LONGEST_WAIT_S:
            return answer
        await asyncio.sleep(answer.wait_s)
        return await self._send(method, path, payload)

    async def _send(self, method: str, path: str, payload: Mapping[str, Any] | None) -> Answer:
        given = () if payload is None else ("--input=-",)
        options = ("--include", f"--hostname={self.host}", f"--method={method}", *given)
        stdin = b"" if payload is None else json.dumps(payload).encode()
        output = await gh(self.cwd, "api", *options, path, stdin=stdin)
        request = f"{method} {path}"
        if not output.stdout.startswith("HTTP/"):
            raise UpstreamError(f"{request}: gh cannot reach {self.host}: {output.complaint}", hint="gh auth status")
        return _answer(request, output.stdout)


def _answer(request: str, printed: str) -> Answer:
    """Read what `gh api --include` printed: a status line, headers, an empty line and the body."""
    head, _, body = printed.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(request, int(first.split()[1]), headers, body)


def _words(body: str) -> str:
    """The message of a refusal, with the reasons it lists."""
    try:
        refusal = json.loads(body)
    except ValueError:
        return body
    if not isinstance(refusal, dict):
        return body
    reasons = refusal.get("errors")
    told = [refusal.get("message"), *(map(_reason, reasons) if isinstance(reasons, list) else [reasons])]
    return ": ".join(str(words) for words in told if words)


def _reason(reason: object) -> object:
    if not isinstance(reason, dict):
        return reason
    return reason.get("message") or " ".join(str(reason[key]) for key in ("resource", "field", "code") if key in reason)
