"""stdin, stdout and stderr as a command may find them: closed, full, left by their reader, or of any encoding.

An answer that cannot be written is an error with its own exit code; words for people that cannot be are lost, and the
work goes on. A reader that leaves early (`| head`) has what it wanted.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

from agentflow.config.secrecy import redact
from agentflow.errors import EnvironmentError_


def take_streams() -> None:
    """Make the process's streams safe to use, once, before anything is printed.

    Where one of the three is closed, the next file to be opened would get its number, and what is printed would land
    in it: /dev/null takes the place.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _taken(sys.stdout, _Answers)
    sys.stderr = _taken(sys.stderr, _Words)


def can_ask() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty()


def all_of_stdin() -> str:
    """What is on stdin, as UTF-8 whatever the locale says; nothing when it is closed."""
    return "" if sys.stdin is None else sys.stdin.buffer.read().decode("utf-8", "replace")


class _Stream(io.TextIOWrapper):
    """A stream whose failures are ours to judge. Secrets are left out; what its encoding lacks is escaped."""

    def write(self, text: str, /) -> int:
        if text == "":  # Typer tries streams with it: /dev/full refuses even that, and Typer would not say so
            return 0
        return self.write_exact(redact(text))

    def write_exact(self, text: str) -> int:
        """What is the user's own, to be had as it is."""
        return self._tried(super().write, text) or 0

    def flush(self) -> None:
        self._tried(super().flush)

    def _tried(self, act: Any, *given: str) -> Any:
        try:
            return act(*given)
        except (OSError, ValueError) as error:
            self._forget()
            self._failed(error)

    def _forget(self) -> None:
        """What Python still flushes at exit goes nowhere."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)

    def _failed(self, error: OSError | ValueError) -> None:
        raise NotImplementedError


class _Answers(_Stream):
    def _failed(self, error: OSError | ValueError) -> None:
        if not isinstance(error, BrokenPipeError):
            sys.stdout = None  # as Python itself has it where stdout is closed
            raise lost(getattr(error, "strerror", None) or str(error)) from error


class _Words(_Stream):
    def _failed(self, error: OSError | ValueError) -> None:
        """Nobody hears that either."""


def lost(why: str) -> EnvironmentError_:
    """The answer has nowhere to go."""
    return EnvironmentError_(
        f"the answer cannot be written to stdout: {why}", hint="send it elsewhere: agentflow … > FILE"
    )


def _taken(stream: Any, kind: type[_Stream]) -> Any:
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    with contextlib.suppress(OSError, ValueError):
        os.set_blocking(stream.fileno(), True)  # a parent may have left it otherwise: every longer answer would fail
    return kind(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
