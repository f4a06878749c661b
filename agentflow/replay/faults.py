"""Answers that go wrong on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from agentflow.replay.hosting import cut
from agentflow.replay.scenario import Fault, Place
from agentflow.replay.wire import ERROR_TYPES, error_body, frame


def spoil(fault: Fault, frames: Sequence[bytes], *, streaming: bool, closing: asyncio.Event) -> Response:
    """What a fault on the wire leaves of the answer `frames`. `closing` ends a silence early."""
    if fault.sse_error is not None:
        return _stream_error(fault.sse_error, fault.message, frames, streaming=streaming)
    return _Broken(_first_half(frames), fault.drop or fault.where, fault.hang or 0, closing)


def error(status: int, text: str, headers: dict[str, str] | None = None, kind: str | None = None) -> JSONResponse:
    """An API error."""
    return JSONResponse(error_body(status, text, kind), status, headers)


def _stream_error(kind: str, text: str, frames: Sequence[bytes], *, streaming: bool) -> Response:
    """An error event in the middle of the stream; where nothing streams, the same as an HTTP error."""
    status = next((status for status, known in ERROR_TYPES.items() if known == kind), 500)
    body = error_body(status, text or kind, kind)
    if not streaming:
        return JSONResponse(body, status)
    return Response(_first_half(frames) + frame("error", body), media_type="text/event-stream")


def _first_half(frames: Sequence[bytes]) -> bytes:
    return b"".join(frames[: max(1, len(frames) // 2)])


class _Broken(Response):
    """Starts, falls silent for some seconds, and loses its connection."""

    def __init__(self, start: bytes, place: Place, silence_s: float, closing: asyncio.Event) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._start = start
        self._place = place
        self._silence_s = silence_s
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._place != "connect":
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            part = self._start if self._place == "mid" else b""
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await self._keep_silence()
        await cut(scope, receive)

    async def _keep_silence(self) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), self._silence_s)
        except TimeoutError:
            return
