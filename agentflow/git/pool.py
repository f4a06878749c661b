"""Worktrees that no agent ever touches, in which a commit is proved; a few are renewed again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agentflow.errors import EnvironmentError_
from agentflow.git.copying import Inventory, inventory, restore
from agentflow.git.linked import entry_of, git_in, record_head, record_included, recorded_included
from agentflow.git.repository import Repository
from agentflow.git.submodules import find_submodules
from agentflow.git.worktrees import add_worktree


class WorktreePool:
    """Gives out worktrees that hold exactly what git would give anyone for a commit, and what `prepare` puts there.

    `prepare` is called once for every worktree made. What it leaves beside the commit's files is kept when the worktree
    is renewed; everything else that is not the commit's is deleted. Where that has been changed since, or `fits` says
    that it is not what the commit needs, the worktree is made anew.
    """

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        prepare: Callable[[Path], Awaitable[None]],
        fits: Callable[[Path], Awaitable[bool]],
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._prepare = prepare
        self._fits = fits
        self._kept: dict[Path, Inventory] = {}
        self._free: list[Path] = []
        self._made = 0
        self._distrusted: set[Path] = set()

    @asynccontextmanager
    async def at(self, commit: str) -> AsyncIterator[Path]:
        """A worktree at `commit`; nobody else uses it until the block ends. Left free, it may be renewed for others."""
        path = self._free.pop() if self._free else self._new_place()
        await self.renew(path, commit)
        try:
            yield path
        finally:
            self._free.append(path)

    async def renew(self, path: Path, commit: str) -> None:
        """Bring a worktree of this pool to the exact content of `commit`, whatever was done in it."""
        if await find_submodules(self._repository.root, commit) or not await self._is_renewed(path, commit):
            self._distrusted.discard(path)
            await add_worktree(self._repository, path, commit)
            await self._prepare(path)
            await self._keep(path)

    def distrust(self) -> None:
        """Have every worktree made so far made and prepared anew, not only reset, before it is used again."""
        self._distrusted.update(self._folder / f"proof-{n}" for n in range(1, self._made + 1))

    def _new_place(self) -> Path:
        self._made += 1
        return self._folder / f"proof-{self._made}"

    async def _is_renewed(self, path: Path, commit: str) -> bool:
        return await self._reset(path, commit) and await self._is_untouched(path) and await self._fits(path)

    async def _is_untouched(self, path: Path) -> bool:
        """Whether what preparing left is as it was: a check may have run an agent's code among it."""
        kept = recorded_included(entry_of(self._repository, path))
        try:
            return path in self._kept and await asyncio.to_thread(restore, path, kept, self._kept[path])
        except OSError:
            return False

    async def _reset(self, path: Path, commit: str) -> bool:
        """False where there is no sound worktree to reset."""
        if path in self._distrusted or not await asyncio.to_thread(path.is_dir):
            return False
        try:
            entry = entry_of(self._repository, path)
        except EnvironmentError_:
            return False
        await git_in(self._repository, path, "update-ref", "--no-deref", "HEAD", commit)
        record_head(entry, commit)
        await git_in(self._repository, path, "reset", "--hard", "--quiet")
        kept = (word for name in sorted(recorded_included(entry)) for word in ("-e", f"/{_escaped(name)}"))
        await git_in(self._repository, path, "clean", "-ffdxq", *kept)
        return True

    async def _keep(self, path: Path) -> None:
        """Tracked files that preparing changed become the commit's again; what it added stays with the worktree."""
        await git_in(self._repository, path, "reset", "--hard", "--quiet")
        listed = await git_in(self._repository, path, *_ADDED)
        record_included(entry_of(self._repository, path), tuple(sorted(listed.fields)))
        self._kept[path] = await asyncio.to_thread(inventory, path, listed.fields)


_ADDED = ("ls-files", "-z", "--others", "--directory", "--no-empty-directory")


def _escaped(name: str) -> str:
    """A name as a pattern of git's that matches itself only."""
    return "".join(f"\\{c}" if c in "\\*?[] #!" else c for c in name)
