"""Whose turn it is to check out a whole tree.

A checkout waits for the disk more than for a processor: two at once take as long as one after the other. One by one,
the next in the queue often finds a worktree that has become free meanwhile, and needs no checkout at all.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Checkouts:
    """Turns at checking out, half as many at once as there are processors.

    `took_s` is how long the last one took, in seconds; 0 before there was one.
    """

    def __init__(self) -> None:
        self._free = max(1, (os.cpu_count() or 1) // 2)
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self.took_s = 0.0

    @property
    def has_turn(self) -> bool:
        """Whether nobody has to be waited for."""
        return self._free > 0

    @asynccontextmanager
    async def turn(self, *, first: bool) -> AsyncIterator[None]:
        """Wait for a turn. `first`: work that is nearly done goes before work that is to begin."""
        await self._wait(first)
        began = time.monotonic()
        try:
            yield
            self.took_s = time.monotonic() - began
        finally:
            self._hand_on()

    async def _wait(self, first: bool) -> None:
        if self._free:
            self._free -= 1
            return
        mine = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not first, next(self._numbers), mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        while self._waiting:
            _, _, other = heapq.heappop(self._waiting)
            if not other.done():
                other.set_result(None)
                return
        self._free += 1
