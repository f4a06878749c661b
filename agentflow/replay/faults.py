"""Answers that go wrong on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from agentflow.replay.hosting import cut
from agentflow.replay.scenario import Fault, Odd, Place
from agentflow.replay.wire import ERROR_TYPES, Event, error_body, frame

_STREAM, _JSON = "text/event-stream", "application/json"
_LINE_ENDS: Mapping[Odd, bytes] = {"crlf": b"\r\n", "cr": b"\r"}
#: What comes before the answer, without meaning anything.
_BURDENS: Mapping[str, bytes] = {
    "flood": frame("ping", {"type": "ping"}) * 100_000,
    "huge": b": " + b"x" * 16_000_000 + b"\n\n",
}
#: Seconds between pieces, so that each arrives by itself.
_MOMENT = 0.002
#: Seconds before a cut: what was sent until then has arrived.
_LAST_MOMENT = 0.05
#: What a client has to pass over: comments, a field and two kinds of event that it does not know.
_STRANGERS = b': hello\n\nevent: ping\ndata: {"type": "ping"}\n\nid: 7\nevent: novelty\ndata: {"type": "novelty"}\n\n'


def error(status: int, text: str, headers: dict[str, str] | None = None, kind: str | None = None) -> JSONResponse:
    """An API error."""
    return JSONResponse(error_body(status, text, kind), status, headers)


def instead(fault: Fault, *, streaming: bool) -> Response | None:
    """What a fault says in place of the answer; None for one that only spoils it."""
    if fault.body is not None:
        response = Response(fault.body, fault.status or 200, media_type=_STREAM if streaming else _JSON)
        response.headers.update(fault.headers)
        return response
    if fault.status is not None:
        return error(fault.status, fault.message or f"replayed {fault.status}", fault.headers, fault.type)
    if fault.sse_error is not None and not streaming:
        status = next((status for status, known in ERROR_TYPES.items() if known == fault.sse_error), 500)
        return error(status, fault.message or fault.sse_error, kind=fault.sse_error)
    return None


def spoil(fault: Fault, events: Sequence[Event], closing: asyncio.Event) -> Response:
    """What a fault leaves of an answer that is streamed. `closing` ends a silence early."""
    frames = [frame(name, data) for name, data in events]
    if fault.odd is not None:
        return _Spoiled(_oddly(fault.odd, frames), _STREAM, closing, pause_s=_MOMENT if fault.odd == "bytes" else 0)
    if fault.drip is not None:
        return _Spoiled(frames, _STREAM, closing, pause_s=fault.drip)
    place = fault.drop or fault.end or fault.where or ("mid" if fault.sse_error else "connect")
    start = frames[: _length(place, [name for name, _ in events])]
    if fault.sse_error is not None:
        body = error_body(0, fault.message or fault.sse_error, fault.sse_error)
        return _Spoiled([*start, frame("error", body)], _STREAM, closing)
    return _Spoiled(start, _STREAM, closing, cut_at=None if fault.end else place, silence_s=fault.hang or 0)


def spoil_whole(fault: Fault, answer: bytes, closing: asyncio.Event) -> Response:
    """The same of an answer that comes in one piece."""
    if fault.odd is not None:
        if fault.odd == "bytes":
            return _Spoiled(_apart(answer), _JSON, closing, pause_s=_MOMENT)
        return _Spoiled([b" " * len(_BURDENS.get(fault.odd, b"")), answer], _JSON, closing)
    half = len(answer) // 2
    if fault.drip is not None:
        return _Spoiled([answer[:half], answer[half:]], _JSON, closing, pause_s=fault.drip)
    place = fault.drop or fault.end or fault.where or "connect"
    start = [] if place in {"connect", "headers"} else [answer[:half]]
    return _Spoiled(start, _JSON, closing, cut_at=None if fault.end else place, silence_s=fault.hang or 0)


def _length(place: Place, names: Sequence[str]) -> int:
    """How many events come before a place; half of them where the answer has no event of that name."""
    if place in {"connect", "headers"}:
        return 0
    after = [number for number, name in enumerate(names, 1) if name == place]
    return after[-1] if after else max(1, len(names) // 2)


def _oddly(odd: Odd, frames: Sequence[bytes]) -> Iterable[bytes]:
    if odd in _LINE_ENDS:
        return [part.replace(b"\n", _LINE_ENDS[odd]) for part in frames]
    if odd == "bytes":
        return _apart(b"".join(frames))
    if odd == "strangers":
        return [_STRANGERS + part for part in frames]
    return [*frames, frames[-1]] if odd == "twice" else [_BURDENS[odd], *frames]


def _apart(content: bytes) -> Iterator[bytes]:
    """Pieces of 100 bytes that also end in the middle of every character that has one."""
    for part in re.split(rb"(?<=[\xc0-\xff])", content):
        yield from (part[start : start + 100] for start in range(0, len(part), 100))


class _Spoiled(Response):
    """Sends pieces with a pause after each, and ends; with `cut_at` it falls silent and its connection goes."""

    def __init__(
        self,
        pieces: Iterable[bytes],
        media_type: str,
        closing: asyncio.Event,
        *,
        pause_s: float = 0,
        cut_at: Place | None = None,
        silence_s: float = 0,
    ) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces
        self._closing = closing
        self._pause_s = pause_s
        self._cut_at = cut_at
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._cut_at != "connect":
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            for piece in (b"", *self._pieces):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await self._wait(self._pause_s)
        if self._cut_at is None:
            await send({"type": "http.response.body", "body": b""})
            return
        await self._wait(max(self._silence_s, _LAST_MOMENT))
        await cut(scope, receive)

    async def _wait(self, seconds: float) -> None:
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)
