"""The CLI's process and everything it started: found through /proc, so on Linux only; elsewhere nothing is found."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine
from typing import Any

from agentflow.config.processes import STARTED, descendants, started


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
        for pid, fields in descendants(root).items():
            self._seen[pid] = fields[STARTED]

    def alive(self) -> list[int]:
        """Pids remembered that are still the same live process."""
        return [pid for pid, then in self._seen.items() if started(pid) == then]

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
