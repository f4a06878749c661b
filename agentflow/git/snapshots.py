"""The user's working tree as a commit, made beside their index, HEAD, refs and files."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agentflow.domain.reviews import Skipped
from agentflow.domain.text import printable
from agentflow.errors import UsageError
from agentflow.git.blobs import SUBMODULE, TOO_LARGE
from agentflow.git.command import complaint, git, settings
from agentflow.git.commits import tree_of
from agentflow.git.preflight import refuse_filters
from agentflow.git.process import GitOutput
from agentflow.git.repository import Repository, git_dir
from agentflow.git.staging import LIST_UNTRACKED

#: `splitIndex` would put a file into the git directory, `safecrlf` can refuse what it should only warn of.
_SETTINGS = {"core.splitIndex": "false", "core.safecrlf": "false"}
#: The mode of what is not there.
_NONE = "000000"
_UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`commit` holds the working tree; `left_out` what of it could not be taken, with the reason.

    A tracked file that was left out is in the commit as HEAD has it, so that a diff does not show it as deleted: who
    reads the commit must not take that version for the user's. One that is not tracked is not in the commit.
    """

    commit: str
    left_out: tuple[Skipped, ...]


async def snapshot(repository: Repository) -> Snapshot:
    """The working tree as `git status` sees it now, as a commit on HEAD; HEAD itself when nothing differs.

    In it are tracked files as they are on disk (also those in conflict), files not tracked that are neither ignored
    nor a tool's cache, and submodules at the commit they are checked out at. The same files give the same commit
    again. No ref holds it, so git may collect it after its grace time (two weeks unless configured).
    Raises EnvironmentError_ when the repository configures a filter program of its own, or takes no objects.
    """
    await refuse_filters(repository)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        await asyncio.to_thread(_copy_index, await git_dir(repository) / "index", index)
        taking = _Taking(repository, index)
        tree = await taking.tree()
    if tree == await tree_of(repository, repository.head):
        return Snapshot(repository.head, taking.left_out)
    return Snapshot(await _commit(repository, tree), taking.left_out)


async def staged(repository: Repository) -> str:
    """What the index holds, as a commit on HEAD; HEAD itself when that is the same. Raises UsageError on conflicts."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        await asyncio.to_thread(_copy_index, await git_dir(repository) / "index", index)
        env = {"GIT_INDEX_FILE": str(index), **settings(_SETTINGS)}
        written = await git(repository.root, "write-tree", env=env, check=False)
    if not written.ok:
        raise UsageError(f"what is staged is no tree: {complaint(written)}", hint="resolve conflicts, then: git add")
    is_same = written.line == await tree_of(repository, repository.head)
    return repository.head if is_same else await _commit(repository, written.line)


async def ignored(repository: Repository, paths: Iterable[str]) -> tuple[str, ...]:
    """What git ignores below these files, folders and globs (none: everywhere), and tools' caches there.

    A folder that is ignored as a whole is one name with a slash at its end. For a glob, those are named that may hold
    what it matches: git does not look into them.
    """
    patterns = [f":(top,{how}){path}" for path in paths for how in ("literal", "glob")]
    listed = await git(repository.root, *LIST_UNTRACKED, "--ignored", "--directory", "--", *patterns)
    return tuple(printable(name) for name in listed.fields)


def _copy_index(index: Path, copy: Path) -> None:
    """With its time of change: by that, git knows which files may have changed without a trace right after it."""
    if not index.exists():
        return
    with index.open("rb") as opened:
        changed = os.fstat(opened.fileno()).st_mtime_ns
        copy.write_bytes(opened.read())
    os.utime(copy, ns=(changed, changed))


async def _commit(repository: Repository, tree: str) -> str:
    """Nobody's commit, at the time of HEAD: its id depends on nothing but the tree and HEAD."""
    time = (await git(repository.root, "log", "-1", "--format=%ct", repository.head)).line
    identity = {"NAME": "agentflow", "EMAIL": "agentflow@localhost", "DATE": f"@{time} +0000"}
    env = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in identity.items()}
    words = ("commit-tree", tree, "-p", repository.head, "-m", "The working tree under review")
    return (await git(repository.root, *words, env=env)).line


class _Taking:
    """A private copy of the index, made to hold what the working tree holds."""

    def __init__(self, repository: Repository, index: Path) -> None:
        self._repository = repository
        self._index = index
        self._refused: dict[str, str] = {}

    @property
    def left_out(self) -> tuple[Skipped, ...]:
        return tuple(Skipped(printable(path), reason) for path, reason in sorted(self._refused.items()))

    async def tree(self) -> str:
        """The tree id of the working tree."""
        await self._git("update-index", "-q", "--unmerged", "--refresh", "--ignore-submodules", check=False)
        gone, changed = await self._tracked()
        await self._as_in_head(self._refused)
        await self._update(gone, "--force-remove")
        await self._update([*changed, *await self._untracked()], "--add", "--remove", "--replace")
        return (await self._git("write-tree")).line

    async def _tracked(self) -> tuple[list[str], list[str]]:
        """Paths of the index that are gone from the working tree, and those that differ and can be taken."""
        listed = await self._git("diff-files", "-z", "--raw", "--no-renames", "--ignore-submodules=dirty")
        modes = {
            path: about.split(" ")[:2] for about, path in zip(listed.fields[::2], listed.fields[1::2], strict=True)
        }
        gone = [path for path, (_, mode) in modes.items() if mode == _NONE]
        present = {path: old == f":{SUBMODULE}" for path, (old, mode) in modes.items() if mode != _NONE}
        return gone, [path for path, is_submodule in present.items() if self._can_take(path, is_submodule)]

    async def _untracked(self) -> list[str]:
        listed = await self._git(*LIST_UNTRACKED)
        return [path for path in listed.fields if self._can_take(path, is_submodule=False)]

    def _can_take(self, path: str, is_submodule: bool) -> bool:
        reason = None if is_submodule else _obstacle(self._repository.root / path)
        if reason:
            self._refused[path.removesuffix("/")] = reason
        return reason is None

    async def _as_in_head(self, paths: Iterable[str]) -> None:
        """Put these paths back to what HEAD has, whatever was staged or is in conflict."""
        await self._update(paths, "--force-remove")
        head = self._repository.head
        entries = [await self._git("ls-tree", "-r", "-z", "--full-tree", head, "--", path) for path in paths]
        listed = "".join(entry.stdout for entry in entries).encode(errors="surrogateescape")
        if listed:
            await self._git("update-index", "-z", "--index-info", stdin=listed)

    async def _update(self, paths: Iterable[str], *how: str) -> None:
        given = "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")
        if given:
            await self._git("update-index", *how, "-z", "--stdin", stdin=given)

    async def _git(self, *args: str, check: bool = True, stdin: bytes = b"") -> GitOutput:
        env = {"GIT_INDEX_FILE": str(self._index), **settings(_SETTINGS)}
        return await git(self._repository.root, *args, check=check, env=env, stdin=stdin)


def _obstacle(path: Path) -> str | None:
    """Why this file cannot be in the snapshot. One that is gone by now can: git then takes it as deleted."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return _UNREADABLE
    if stat.S_ISREG(found.st_mode):
        return _unfit(path, found.st_size)
    if stat.S_ISDIR(found.st_mode):
        return "a repository of its own"
    return None if stat.S_ISLNK(found.st_mode) else "not a regular file"


def _unfit(path: Path, size: int) -> str | None:
    if size > TOO_LARGE:
        return f"too large ({size / 1e6:.0f} MB)"
    return None if os.access(path, os.R_OK) else _UNREADABLE
