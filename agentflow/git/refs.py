"""A run's refs: what they are called, and how long they stay. All but its branch stand outside `refs/heads`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from agentflow.git.command import git
from agentflow.git.commits import delete_refs, put_ref, ref_value, refs_below
from agentflow.git.ranges import OWN_BRANCHES
from agentflow.git.repository import Repository
from agentflow.git.run_refs import refs_of, tip_ref

#: Refs that are files of their own slow every git command down; a few are not worth the locks that packing takes.
_MANY = 200


def scratch_refs(run_id: str) -> str:
    """Below this is what nobody needs when the run is over."""
    return f"{refs_of(run_id)}_scratch/"


async def hold_base(repository: Repository, run_id: str, commit: str) -> None:
    """Keep what a run starts from, whatever becomes of the branch it is on."""
    await put_ref(repository, f"{scratch_refs(run_id)}base", commit)


async def clear_scratch(repository: Repository, run_id: str) -> None:
    """Delete what only a run that goes on needs. Its worktrees must be gone: they may stand on such commits."""
    if found := await refs_below(repository, scratch_refs(run_id)):
        await delete_refs(repository, found)


async def pack(repository: Repository) -> None:
    """Pack refs where the runs have left many as files. Gives way where somebody else is at it."""
    if await asyncio.to_thread(_count, repository.common_dir / "refs" / "agentflow") > _MANY:
        await git(repository.root, "pack-refs", "--all", check=False)


def _count(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


async def forget_merged(repository: Repository, runs: Collection[str]) -> None:
    """Delete all refs of these runs, and their branches, where the result is on the user's own; else all is kept.

    A branch that is checked out stays.
    """
    there = await _listed(repository)
    known = [ref for ref in OWN_BRANCHES if await ref_value(repository, ref) is not None]
    merged = await _listed(repository, *(f"--merged={ref}" for ref in ("HEAD", *known)))
    results = {run: {f"refs/heads/agentflow/{run}", tip_ref(run)} & there for run in runs}
    gone = [run for run, result in results.items() if result <= merged]
    branches = [f"agentflow/{run}" for run in gone if f"refs/heads/agentflow/{run}" in there]
    if branches:
        await git(repository.root, "branch", "--quiet", "-D", *branches, check=False)
    refs = [ref for ref in there if ref.split("/")[2] in gone and ref.startswith("refs/agentflow/")]
    if refs:
        await delete_refs(repository, tuple(sorted(refs)))


async def _listed(repository: Repository, *options: str) -> frozenset[str]:
    words = ("for-each-ref", "--format=%(refname)", *options, "refs/agentflow", "refs/heads/agentflow")
    return frozenset((await git(repository.root, *words)).lines)
