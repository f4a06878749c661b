"""Worktrees that nobody uses just now, and how long to wait for one rather than check out another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from agentflow.git.checkouts import Checkouts

_POLL_S = 0.02


class Vacancies:
    """Free worktrees, given to whoever came first.

    Another worktree costs a checkout. Once as long has been waited for one as a checkout takes, it is made: so waiting
    never more than doubles what it wanted to save. Time in which others check out does not count.
    """

    def __init__(self, checkouts: Checkouts) -> None:
        self._checkouts = checkouts
        self._line = asyncio.Lock()
        self._free: list[Path] = []
        self._waited_s = 0.0

    def add(self, path: Path) -> None:
        self._free.append(path)

    def discard(self, path: Path) -> None:
        if path in self._free:
            self._free.remove(path)

    async def take(self, coming: Callable[[], bool], *, first: bool) -> Path | None:
        """A free one, waited for while one is `coming`; None where it is time to check out another.

        Unless it goes `first`, as in `Checkouts.turn`, that is when there is a turn for it: until then one may be left.
        """
        async with self._line:
            while not self._free:
                can_begin = self._checkouts.has_turn
                if (first or can_begin) and not (coming() and self._waited_s < self._checkouts.took_s):
                    self._waited_s = 0.0
                    return None
                self._waited_s += _POLL_S if can_begin else 0.0
                await asyncio.sleep(_POLL_S)
            return self._free.pop()
