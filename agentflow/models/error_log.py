"""The CLI's stderr: kept in a file, and the last lines in memory, since start-up reasons stand nowhere else."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from agentflow.config.machine import open_private
from agentflow.config.secrecy import redact


class ErrorLog:
    """Appends lines to `path`; sessions of a run share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: deque[str] = deque(maxlen=20)

    def write(self, line: str) -> None:
        line = redact(line)
        self._last.append(line)
        with open_private(self._path, "a") as file:
            file.write(f"{line}\n".encode("utf-8", "backslashreplace"))

    def tail(self) -> str:
        """The last lines of this session."""
        return "\n".join(self._last)
