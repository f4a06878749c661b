"""Agents' worktrees, one for each attempt; what one agent is done with is renewed for the next."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from agentflow.errors import EnvironmentError_
from agentflow.git.checkouts import Checkouts
from agentflow.git.included import copy_included
from agentflow.git.linked import entry_of, record_environment, record_included, recorded_included
from agentflow.git.renewing import KeptIndex, Known, changed_paths, converts, known_of, renewed
from agentflow.git.repository import Repository
from agentflow.git.vacancies import Vacancies
from agentflow.git.worktrees import add_worktree, move_worktree, remove_worktree

#: Elsewhere a process that an agent left behind is not found and ended: it could go on in a worktree used again.
_MAY_REUSE = sys.platform == "linux"


class Rooms:
    """Gives every attempt a worktree at its own path that holds exactly what a fresh one would.

    A worktree is known as it was before its agent began. All that is not so any more is undone before another agent
    gets it, and where it is not certain that nothing else differs, that agent gets a fresh one.
    """

    def __init__(self, repository: Repository, checkouts: Checkouts) -> None:
        self._repository = repository
        self._checkouts = checkouts
        self._known: dict[Path, Known] = {}
        self._vacancies = Vacancies(checkouts)
        self._resting = set[Path]()
        self._views = set[Path]()
        self._viewing = asyncio.Lock()
        self._left = set[Path]()
        #: By worktree, its index as agentflow left it: what an agent does to git's own hides no change.
        self.indexes: dict[Path, KeptIndex] = {}

    async def open(self, path: Path, commit: str) -> None:
        """A worktree at `path`, in place of whatever is there."""
        self._left.discard(path)
        self._forget(path)
        while (old := await self._vacancies.take(lambda: bool(self._resting), first=False)) is not None:
            if await self._reused(old, path, commit):
                return
        async with self._checkouts.turn(first=False):
            has_submodules = await add_worktree(self._repository, path, commit)
        if not has_submodules:
            await self._know(path, await self._seen(path, commit))

    async def view(self, path: Path, commit: str) -> Path:
        """A worktree at `path` that nobody writes to: as it is until it is left, else opened."""
        async with self._viewing:
            if path not in self._views:
                await self.open(path, commit)
                self._views.add(path)
        return path

    def rest(self, path: Path) -> None:
        """The agent at `path` is done, as far as is known: it is soon left, or its agent called back."""
        if self._can_be_used_again(path):
            self._resting.add(path)

    def wake(self, path: Path) -> None:
        """The agent at `path` goes on."""
        self._resting.discard(path)

    async def leave(self, path: Path) -> None:
        """Nobody works at `path` any more; harmless when there is nothing."""
        if path in self._left:  # and free, or being renewed for another
            return
        self._left.add(path)
        self._views.discard(path)
        self.wake(path)
        if self._can_be_used_again(path):
            self._vacancies.add(path)
        else:
            self._forget(path)
            await remove_worktree(self._repository, path)

    def _can_be_used_again(self, path: Path) -> bool:
        return _MAY_REUSE and path in self._known

    async def _reused(self, old: Path, path: Path, commit: str) -> bool:
        known = self._known[old]
        self._forget(old)
        try:
            again = await self._renewed(old, path, commit, known)
        except (EnvironmentError_, OSError):
            again = None
        if again is None:
            await remove_worktree(self._repository, old)
            return False
        await self._know(path, again)
        return True

    async def _renewed(self, old: Path, path: Path, commit: str, known: Known) -> Known | None:
        changed = await changed_paths(self._repository, known, commit)
        again = None if converts(changed) else await renewed(self._repository, old, commit, known, changed)
        if again is None:
            return None
        await move_worktree(self._repository, old, path)
        entry = entry_of(self._repository, path)
        record_included(entry, ())
        record_environment(entry, "")
        await copy_included(self._repository, path)
        found = await asyncio.to_thread(again.found.after, path, [".git"])
        return replace(again, found=found)

    async def _seen(self, path: Path, commit: str) -> Known | None:
        """What `.worktreeinclude` brought is not the commit's: it is to be undone, and brought anew."""
        known = await known_of(self._repository, path, commit, ())
        included = recorded_included(entry_of(self._repository, path))
        return replace(known, found=known.found.without(included)) if known and included else known

    async def _know(self, path: Path, known: Known | None) -> None:
        if known is not None:
            self._known[path], self.indexes[path] = known, known.index

    def _forget(self, path: Path) -> None:
        self._known.pop(path, None)
        self.indexes.pop(path, None)
        self._resting.discard(path)
        self._vacancies.discard(path)
