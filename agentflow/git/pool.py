"""Worktrees that no agent ever touches, in which a commit is proved; a few are renewed again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agentflow.errors import EnvironmentError_
from agentflow.git.linked import entry_of, git_in, record_head, record_included, recorded_included
from agentflow.git.repository import Repository
from agentflow.git.submodules import find_submodules
from agentflow.git.worktrees import add_worktree


class WorktreePool:
    """Gives out worktrees that hold exactly what git would give anyone for a commit, and what `prepare` puts there.

    `prepare` is called once for every worktree made. What it leaves beside the commit's files is kept when the worktree
    is renewed; everything else that is not the commit's is deleted.
    """

    def __init__(self, repository: Repository, folder: Path, prepare: Callable[[Path], Awaitable[None]]) -> None:
        self._repository = repository
        self._folder = folder
        self._prepare = prepare
        self._free: list[Path] = []
        self._with_submodules: dict[str, bool] = {}
        self._made = 0

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
        if await self._has_submodules(commit) or not await self._reset(path, commit):
            await add_worktree(self._repository, path, commit)
            await self._prepare(path)
            await self._keep(path)

    async def _has_submodules(self, commit: str) -> bool:
        if commit not in self._with_submodules:
            self._with_submodules[commit] = bool(await find_submodules(self._repository.root, commit))
        return self._with_submodules[commit]

    def _new_place(self) -> Path:
        self._made += 1
        return self._folder / f"proof-{self._made}"

    async def _reset(self, path: Path, commit: str) -> bool:
        """False where there is no sound worktree to reset."""
        if not await asyncio.to_thread(path.is_dir):
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


_ADDED = ("ls-files", "-z", "--others", "--directory", "--no-empty-directory")


def _escaped(name: str) -> str:
    """A name as a pattern of git's that matches itself only."""
    return "".join(f"\\{c}" if c in "\\*?[] #!" else c for c in name)
