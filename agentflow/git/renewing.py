"""Worktrees brought to another commit by what is known of them, instead of being made again.

What is known is kept in memory, where no agent and no check can write: whatever they do to the index, or to git's
records of the worktree, cannot hide what they did to a file.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git
from agentflow.git.folders import Survey, survey
from agentflow.git.linked import entry_of, git_in, record_head
from agentflow.git.repository import Repository

#: What the entry of a worktree holds when nobody has begun or configured anything there.
_PLAIN_ENTRY = frozenset(
    {"HEAD", "ORIG_HEAD", "commondir", "gitdir", "index", "locked", "logs"}
    | {"agentflow-head", "agentflow-included", "agentflow-environment"}
)


@dataclass(frozen=True, slots=True)
class KeptIndex:
    """The index of a worktree at `commit` in bytes, with the time it was written.

    By that time git knows which files may have changed right after it without a trace.
    """

    commit: str
    content: bytes
    written_ns: int

    def lay_out(self, place: Path) -> None:
        place.write_bytes(self.content)
        os.utime(place, ns=(self.written_ns, self.written_ns))


def kept_index(place: Path, commit: str) -> KeptIndex:
    return KeptIndex(commit, place.read_bytes(), place.stat().st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Known:
    """A worktree as it was left: its folder and its index."""

    found: Survey
    index: KeptIndex


async def known_of(repository: Repository, worktree: Path, commit: str, kept: Collection[str]) -> Known | None:
    """What is there now; `kept` lies beside the commit's files. None where later changes could not be told."""
    entry = entry_of(repository, worktree)
    found = await asyncio.to_thread(survey, worktree, kept, {".git", *kept})
    return None if found is None else Known(found, await asyncio.to_thread(kept_index, entry / "index", commit))


async def changed_paths(repository: Repository, known: Known, commit: str) -> tuple[str, ...]:
    """The files that differ between the commit a worktree was left at and another one."""
    if commit == known.index.commit:
        return ()
    words = ("diff-tree", "-r", "-z", "--no-renames", "--name-only", known.index.commit, commit)
    return (await git(repository.root, *words)).fields


def converts(paths: Collection[str]) -> bool:
    """Whether one of these files says how others are written, or which submodules there are."""
    return any(PurePosixPath(path).name in {".gitattributes", ".gitmodules"} for path in paths)


async def renewed(
    repository: Repository, worktree: Path, commit: str, known: Known, changed: Collection[str]
) -> Known | None:
    """Bring a worktree to the exact content of `commit`, `changed` being what differs between it and the known one.

    None where there is no sound worktree to renew: it must be made afresh.
    """
    entry = entry_of(repository, worktree)
    if not {found.name for found in entry.iterdir()} <= _PLAIN_ENTRY:
        return None
    missing = await asyncio.to_thread(known.found.undo, worktree)
    if missing is None:
        return None
    own = entry / "agentflow-index"
    await asyncio.to_thread(known.index.lay_out, own)
    head, written = (entry / "HEAD").read_text(encoding="utf-8"), {*missing, *changed}
    try:
        if head.startswith("ref:"):
            await git_in(repository, worktree, "update-ref", "--no-deref", "HEAD", commit)
        if written or head != f"{commit}\n":
            env = {"GIT_INDEX_FILE": str(own)}
            await git_in(repository, worktree, "reset", "--hard", "--quiet", commit, env=env)
    except EnvironmentError_:
        return None
    if written:
        found = await asyncio.to_thread(known.found.after, worktree, written)
        known = Known(found, await asyncio.to_thread(kept_index, own, commit))
    record_head(entry, commit)
    own.replace(entry / "index")
    return known if known.found.is_whole(worktree) else None
