"""A command's output: bounded on disk, and a short clean tail for people and models."""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

HEAD_BYTES = 8 * 1024 * 1024
END_BYTES = 2 * 1024 * 1024
#: Enough for pytest's short summary and the last failures; characters.
TAIL_CHARS = 8_000

_ESCAPES = re.compile(r"\x1b(?:\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]|[ -/]*[0-~])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class BoundedLog:
    """Writes a stream to a file, its head at once and its end on closing: at most 10 MiB whatever comes."""

    def __init__(self, path: Path, head_bytes: int = HEAD_BYTES, end_bytes: int = END_BYTES) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        self._head_left = head_bytes
        self._end_bytes = end_bytes
        self._end = bytearray()
        self._dropped = 0

    def write(self, data: bytes) -> None:
        head, rest = data[: self._head_left], data[self._head_left :]
        self._file.write(head)
        self._head_left -= len(head)
        self._dropped += len(rest)
        self._end += data
        if len(self._end) > 2 * self._end_bytes:
            del self._end[: -self._end_bytes]

    def tail(self) -> str:
        """The last characters of what came, readable."""
        return readable_tail(bytes(self._end[-4 * TAIL_CHARS :]))

    def close(self) -> None:
        end = bytes(self._end[-min(self._dropped, self._end_bytes) :]) if self._dropped else b""
        if gap := self._dropped - len(end):
            self._file.write(f"\n[agentflow left out {gap} bytes here]\n".encode())
        self._file.write(end)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def readable_tail(output: bytes) -> str:
    """At most 8,000 characters, without terminal escapes, overwritten lines and other control characters."""
    text = _ESCAPES.sub("", output.decode(errors="replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _CONTROL.sub("", "\n".join(lines)).strip("\n")[-TAIL_CHARS:]
