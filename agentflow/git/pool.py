"""Worktrees that no agent ever touches, in which a commit is proved; a few are renewed again and again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from agentflow.errors import EnvironmentError_
from agentflow.git.checkouts import Checkouts
from agentflow.git.copying import Inventory, inventory, restore
from agentflow.git.linked import entry_of, git_in, is_included, record_included, recorded_included
from agentflow.git.process import GitOutput
from agentflow.git.renewing import Known, changed_paths, converts, known_of, renewed
from agentflow.git.repository import Repository
from agentflow.git.staging import LIST_UNTRACKED
from agentflow.git.vacancies import Vacancies
from agentflow.git.worktrees import add_worktree

#: More checks than this at once gain nothing, and each would need a checkout of its own.
AT_ONCE = max(2, os.cpu_count() or 1)
#: What set-up commands go by: where one differs, what an earlier set-up left says nothing.
_MANIFESTS = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements*.txt", "requirements*.in", "*.lock", "*.lockb",
    "Pipfile", "environment*.y*ml", "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-*.yaml",
    "Cargo.toml", "go.mod", "go.sum", "Gemfile", "*.gemspec", "composer.json", "pom.xml", "*.gradle", "*.gradle.kts",
    "CMakeLists.txt", "meson.build", "Makefile", "*.csproj", ".tool-versions", ".python-version", ".nvmrc",
)  # fmt: skip


class WorktreePool:
    """Gives out worktrees that hold exactly what git would give anyone for a commit, and what `prepare` puts there.

    `prepare` is called once for every worktree made. What it leaves beside the commit's files is kept when the worktree
    is renewed; all else that is not the commit's is deleted. Where that has been changed since, where `fits` says that
    it is not what the commit needs, or where it is not certain that a renewed worktree is the same as a fresh one, it
    is made afresh.
    """

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        prepare: Callable[[Path], Awaitable[None]],
        fits: Callable[[Path], Awaitable[bool]],
        checkouts: Checkouts | None = None,
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._prepare = prepare
        self._fits = fits
        self._checkouts = checkouts or Checkouts()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._kept: dict[Path, Inventory] = {}
        self._vacancies = Vacancies(self._checkouts)
        self._known: dict[Path, Known] = {}
        self._made = 0
        self._prepared = set[str]()

    @asynccontextmanager
    async def at(self, commit: str) -> AsyncIterator[Path]:
        """A worktree at `commit`; nobody else uses it until the block ends. Left free, it may be renewed for others."""
        async with self._places:
            path = await self._vacancies.take(lambda: self._made > 0, first=True) or self._new_place()
            try:
                await self.renew(path, commit)
                yield path
            finally:
                self._vacancies.add(path)

    async def renew(self, path: Path, commit: str) -> None:
        """Bring a worktree of this pool to the exact content of `commit`, whatever was done in it."""
        known = self._known.pop(path, None)
        again = None if known is None else await self._renewed(path, commit, known)
        if again is None:
            async with self._checkouts.turn(first=True):
                has_submodules = await add_worktree(self._repository, path, commit)
            await self._prepare(path)
            await self._keep(path)
            kept = {name.rstrip("/") for name in recorded_included(entry_of(self._repository, path)) if name}
            again = None if has_submodules else await known_of(self._repository, path, commit, kept)
        if again is not None:
            self._known[path] = again

    async def leftovers(self, path: Path) -> tuple[str, ...]:
        """What was left in a worktree since it was renewed: neither tracked nor ignored; folders end in a slash.

        Nothing where a check has meddled with git's records of the worktree: then nobody can say.
        """
        known = self._known.get(path)
        words = (*LIST_UNTRACKED, "--directory", "--no-empty-directory")
        try:
            entry = entry_of(self._repository, path)
            if known is None:
                listed = await git_in(self._repository, path, *words)
            else:
                listed = await self._by_own_index(path, entry, known, *words)
        except EnvironmentError_:
            return ()
        return tuple(name for name in listed.fields if name not in recorded_included(entry))

    async def rewritten(self, path: Path) -> tuple[tuple[str, ...], str]:
        """The commit's files that were changed in a worktree since it was renewed, and how, as a diff.

        Nothing where a check has meddled with git's records of the worktree: then nobody can say.
        """
        known = self._known.get(path)
        try:
            entry = entry_of(self._repository, path)
            if known is None:
                run = partial(git_in, self._repository, path)
            else:
                run = partial(self._by_own_index, path, entry, known)
            changed = (await run(*_DIFF, "--name-only", "-z")).fields
            return tuple(changed), (await run(*_DIFF)).stdout if changed else ""
        except EnvironmentError_:
            return (), ""

    async def _by_own_index(self, path: Path, entry: Path, known: Known, *words: str) -> GitOutput:
        own = entry / "agentflow-index"
        await asyncio.to_thread(known.index.lay_out, own)
        try:
            return await git_in(self._repository, path, *words, env={"GIT_INDEX_FILE": str(own)})
        finally:
            own.unlink()

    def distrust(self) -> None:
        """Have every worktree made so far made and prepared anew, not only reset, before it is used again."""
        self._known.clear()

    def _new_place(self) -> Path:
        self._made += 1
        return self._folder / f"proof-{self._made}"

    async def _renewed(self, path: Path, commit: str, known: Known) -> Known | None:
        """None where it is not certain that the worktree is the same as a fresh one."""
        try:
            changed = await changed_paths(self._repository, known, commit)
            if self._may_differ(known, changed):
                return None
            again = await renewed(self._repository, path, commit, known, changed)
            return again if again and await self._is_untouched(path) and await self._fits(path) else None
        except EnvironmentError_:
            return None

    async def _is_untouched(self, path: Path) -> bool:
        """Whether what preparing left is as it was: a check may have run an agent's code among it."""
        kept = recorded_included(entry_of(self._repository, path))
        try:
            return path in self._kept and await asyncio.to_thread(restore, path, kept, self._kept[path])
        except OSError:
            return False

    def _may_differ(self, known: Known, changed: Collection[str]) -> bool:
        """Whether a fresh worktree may differ in more than the files that differ between the two commits."""
        if converts(changed) or any(is_included(name, self._prepared) for name in changed):
            return True
        names = [PurePosixPath(name) for name in changed] if known.found.opaque else []
        return any(name.match(pattern) for name in names for pattern in _MANIFESTS)

    async def _keep(self, path: Path) -> None:
        """Tracked files that preparing changed become the commit's again; what it added stays with the worktree."""
        await git_in(self._repository, path, "reset", "--hard", "--quiet")
        listed = await git_in(self._repository, path, *_ADDED)
        record_included(entry_of(self._repository, path), tuple(sorted(listed.fields)))
        self._prepared.update(listed.fields)
        self._kept[path] = await asyncio.to_thread(inventory, path, listed.fields)


_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=all")
_ADDED = ("ls-files", "-z", "--others", "--directory", "--no-empty-directory")
