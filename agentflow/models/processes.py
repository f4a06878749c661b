"""The CLI's process and everything it started: found through /proc, so on Linux only; elsewhere nothing is found."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_PARENT, _STARTED = 1, 19  # fields of /proc/<pid>/stat after the command's name


class ProcessTree:
    """All processes seen below a root, whatever session or group they moved to.

    Sampled while the root lives, since children of a killed process are handed to another parent. The start time
    guards against a pid used again.
    """

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}

    def sample(self, root: int | None) -> None:
        """Remember the root and its descendants of this moment."""
        if root is None:
            return
        stats = _all_stats()
        children = defaultdict(list)
        for pid, stat in stats.items():
            children[int(stat[_PARENT])].append(pid)
        queue = [root]
        while queue:
            pid = queue.pop()
            queue.extend(children[pid])
            if pid in stats:
                self._seen[pid] = stats[pid][_STARTED]

    def alive(self) -> list[int]:
        """Pids remembered that are still the same live process."""
        return [pid for pid, started in self._seen.items() if _started(pid) == started]

    async def kill(self) -> None:
        """End what is left: ask, wait up to a second, then force."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.alive():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal_number)
            for _ in range(20):
                if not self.alive():
                    return
                await asyncio.sleep(0.05)


async def despite_cancellation(work: Coroutine[Any, Any, None]) -> None:
    """Finish `work` however often the caller is cancelled meanwhile, then let the cancellation through."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled:
        raise cancelled


def _all_stats() -> dict[int, list[str]]:
    if not _PROC.is_dir():
        return {}
    pids = (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208  names only, twice a second
    return {pid: stat for pid in pids if (stat := _stat(pid))}


def _stat(pid: int) -> list[str] | None:
    """A live process's fields from its state on; None when it is gone or a zombie."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else fields


def _started(pid: int) -> str | None:
    stat = _stat(pid)
    return stat[_STARTED] if stat else None
