"""Worktrees that no agent ever touches, in which a commit is proved; a few are renewed again and again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from agentflow.errors import EnvironmentError_
from agentflow.git.command import GitOutput, git
from agentflow.git.copying import Inventory, inventory, restore
from agentflow.git.folders import Survey, survey
from agentflow.git.linked import entry_of, git_in, is_included, record_head, record_included, recorded_included
from agentflow.git.repository import Repository
from agentflow.git.staging import LIST_UNTRACKED
from agentflow.git.submodules import find_submodules
from agentflow.git.worktrees import add_worktree

#: What the entry of a worktree holds when nobody has run git in it: else something is begun there, or configured.
_PLAIN_ENTRY = frozenset(
    {"HEAD", "ORIG_HEAD", "commondir", "gitdir", "index", "logs"}
    | {"agentflow-head", "agentflow-included", "agentflow-environment"}
)
#: What set-up commands go by: where one differs, what an earlier set-up left says nothing.
_MANIFESTS = (
    "pyproject.toml", "setup.py", "setup.cfg", "requirements*.txt", "requirements*.in", "*.lock", "*.lockb",
    "Pipfile", "environment*.y*ml", "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-*.yaml",
    "Cargo.toml", "go.mod", "go.sum", "Gemfile", "*.gemspec", "composer.json", "pom.xml", "*.gradle", "*.gradle.kts",
    "CMakeLists.txt", "meson.build", "Makefile", "*.csproj", ".tool-versions", ".python-version", ".nvmrc",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """A worktree as it was left at `commit`: its folder, and its index in bytes with the time it was written.

    Both are kept in memory: whatever a check does to the index or to git's records cannot hide what it did to a file.
    """

    commit: str
    found: Survey
    index: bytes
    index_ns: int


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
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._prepare = prepare
        self._fits = fits
        self._kept: dict[Path, Inventory] = {}
        self._free: list[Path] = []
        self._known: dict[Path, _Known] = {}
        self._with_submodules: dict[str, bool] = {}
        self._made = 0
        self._prepared = set[str]()

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
        has_submodules = await self._has_submodules(commit)
        known = self._known.pop(path, None)
        if known is None or has_submodules or not await self._is_renewed(path, commit, known):
            await add_worktree(self._repository, path, commit)
            await self._prepare(path)
            await self._keep(path)
        if not has_submodules:
            await self._remember(path, commit)

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

        None where a check has meddled with git's records of the worktree: then nobody can say.
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

    async def _by_own_index(self, path: Path, entry: Path, known: _Known, *words: str) -> GitOutput:
        own = entry / "agentflow-index"
        await asyncio.to_thread(_lay_out, own, known)
        try:
            return await git_in(self._repository, path, *words, env={"GIT_INDEX_FILE": str(own)})
        finally:
            own.unlink()

    def distrust(self) -> None:
        """Have every worktree made so far made and prepared anew, not only reset, before it is used again."""
        self._known.clear()

    async def _has_submodules(self, commit: str) -> bool:
        if commit not in self._with_submodules:
            self._with_submodules[commit] = bool(await find_submodules(self._repository.root, commit))
        return self._with_submodules[commit]

    def _new_place(self) -> Path:
        self._made += 1
        return self._folder / f"proof-{self._made}"

    async def _is_renewed(self, path: Path, commit: str, known: _Known) -> bool:
        return await self._reset(path, commit, known) and await self._is_untouched(path) and await self._fits(path)

    async def _is_untouched(self, path: Path) -> bool:
        """Whether what preparing left is as it was: a check may have run an agent's code among it."""
        kept = recorded_included(entry_of(self._repository, path))
        try:
            return path in self._kept and await asyncio.to_thread(restore, path, kept, self._kept[path])
        except OSError:
            return False

    async def _reset(self, path: Path, commit: str, known: _Known) -> bool:
        """False where there is no sound worktree to reset."""
        try:
            entry = entry_of(self._repository, path)
        except EnvironmentError_:
            return False
        if not {found.name for found in entry.iterdir()} <= _PLAIN_ENTRY or await self._differs(known, commit):
            return False
        if not await asyncio.to_thread(known.found.undo, path):
            return False
        own = entry / "agentflow-index"
        await asyncio.to_thread(_lay_out, own, known)
        env = {"GIT_INDEX_FILE": str(own)}
        for words in (("update-ref", "--no-deref", "HEAD", commit), ("reset", "--hard", "--quiet")):
            if not (await git_in(self._repository, path, *words, check=False, env=env)).ok:
                return False
        record_head(entry, commit)
        await asyncio.to_thread(own.replace, entry / "index")
        return known.found.is_whole(path)

    async def _differs(self, known: _Known, commit: str) -> bool:
        """Whether a fresh worktree may differ in more than the files that differ between the two commits."""
        if commit == known.commit:
            return False
        words = ("diff-tree", "-r", "-z", "--no-renames", "--name-only", known.commit, commit)
        changed = (await git(self._repository.root, *words)).fields
        if any(is_included(name, self._prepared) for name in changed):
            return True
        names = [PurePosixPath(name) for name in changed]
        telling = (".gitattributes", *(_MANIFESTS if known.found.opaque else ()))
        return any(name.match(pattern) for name in names for pattern in telling)

    async def _keep(self, path: Path) -> None:
        """Tracked files that preparing changed become the commit's again; what it added stays with the worktree."""
        await git_in(self._repository, path, "reset", "--hard", "--quiet")
        listed = await git_in(self._repository, path, *_ADDED)
        record_included(entry_of(self._repository, path), tuple(sorted(listed.fields)))
        self._prepared.update(listed.fields)
        self._kept[path] = await asyncio.to_thread(inventory, path, listed.fields)

    async def _remember(self, path: Path, commit: str) -> None:
        entry = entry_of(self._repository, path)
        kept = {name.rstrip("/") for name in recorded_included(entry) if name}
        found = await asyncio.to_thread(survey, path, kept, {".git", *kept})
        if found is not None:
            index = entry / "index"
            written = index.stat().st_mtime_ns
            self._known[path] = _Known(commit, found, await asyncio.to_thread(index.read_bytes), written)


_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=all")
_ADDED = ("ls-files", "-z", "--others", "--directory", "--no-empty-directory")


def _lay_out(index: Path, known: _Known) -> None:
    """With its time of writing: by that, git knows which files may have changed right after it without a trace."""
    index.write_bytes(known.index)
    os.utime(index, ns=(known.index_ns, known.index_ns))
