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

_SEARCHED_BYTES = 1024 * 1024
_GAP = "\n[…]\n"
#: Where test runners, compilers and interpreters begin to say what is wrong.
_FIRST_ERROR = re.compile(
    r"^(?:=+ (?:ERRORS|FAILURES) =+$|error(?:\[E\d+\])?: |thread '.*' .*panicked at |panic: |--- FAIL|[ \t]*not ok \d|"
    r"[ \t]*FAIL(?:ED|URE)?\b|Traceback \(most recent call last\)|[ \t]*[●✕✗✖\u00d7] |[ \t]*\d+\) |"
    r"[^\s:]+:\d+(?::\d+)?: (?:fatal )?error\b|[^\s(]+\(\d+,\d+\): error |[^\s:]+:\d+: undefined reference |"
    r"\[ERROR\] |\w*(?:Error|Exception): |.*\bAssertionError\b)",
    re.MULTILINE,
)
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
        """The last characters of what came, readable; from the first error on, where more came after it."""
        return telling(clean(bytes(self._end[-_SEARCHED_BYTES:]).decode(errors="replace")), TAIL_CHARS)

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


def clean(text: str) -> str:
    """Without terminal escapes, overwritten lines and other control characters."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in _ESCAPES.sub("", text).split("\n"))
    return _CONTROL.sub("", "\n".join(lines)).strip("\n")


def telling(output: str, room: int) -> str:
    """What tells most in at most `room` characters of whole lines: from the first error on, and the end.

    Compilers are to be read from their first error, and most test runners end with a summary.
    """
    if len(output) <= room:
        return output
    found = _FIRST_ERROR.search(output)
    if found is None or len(output) - found.start() <= room:
        return _end(output[-room:], output)
    rest = (room - len(_GAP)) // 3
    first = output[found.start() :][: room - len(_GAP) - rest]
    return f"{first.rpartition(chr(10))[0] or first}{_GAP}{_end(output[-rest:], output)}"


def _end(end: str, output: str) -> str:
    return end if len(end) == len(output) else end.partition("\n")[2] or end
