"""What a run left in the repository, as it stands there now: git is asked, not the ledger alone."""

from __future__ import annotations

from dataclasses import dataclass

from agentflow.errors import EnvironmentError_, MergeConflict
from agentflow.git.command import git
from agentflow.git.commits import is_ancestor, ref_value
from agentflow.git.replaying import Replayed, Stuck, replay
from agentflow.git.repository import Repository
from agentflow.git.run_refs import look_at, own_commits, tip_ref


@dataclass(frozen=True, slots=True)
class Result:
    """The commit to take.

    `mends` are what others have put on the branch since, a line each; `missing` are the subtasks whose landed work is
    not there any more; `notes` tell what else is worth knowing.
    """

    commit: str
    mends: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


async def result_of(repository: Repository, run: str, branch: str, head: str) -> Result:
    """What the run's branch holds, and what the run could not put there; `head` is where the ledger says it ended.

    Raises EnvironmentError_ when the commit is gone, MergeConflict when the branch and what could not be put there
    conflict.
    """
    kept = await ref_value(repository, tip_ref(run))
    left, seen = kept or head, await look_at(repository, branch)
    if await ref_value(repository, f"{left}^{{commit}}") is None:
        if seen.tip is None:
            raise EnvironmentError_(f"branch {branch} is gone, and so is the run's last commit {left[:12]}")
        return Result(seen.tip, notes=(f"the run's last commit {left[:12]} is gone; this is what its branch has",))
    if seen.tip is None:
        return Result(left, notes=(f"branch {branch} is gone; this is what the run left",))
    if seen.tip == left:
        return Result(left)
    if kept and await is_ancestor(repository, seen.tip, left):
        where = f"checked out in {seen.holder}" if seen.holder else "not where the run is"
        return Result(left, notes=(f"branch {branch} is {where}; this is what the run has under {tip_ref(run)}",))
    mends = await _lines(repository, left, seen.tip)
    ours, theirs = (
        await own_commits(repository, run, seen.tip, left),
        await own_commits(repository, run, left, seen.tip),
    )
    there = {(own.subtask, own.attempt) for own in theirs}
    missing = [own for own in ours if (own.subtask, own.attempt) not in there]
    replayed = await replay(repository, list(dict.fromkeys(own.commit for own in missing)), seen.tip)
    if isinstance(replayed, Replayed) and (kept or replayed.head == seen.tip):
        return Result(replayed.head, mends)
    if kept and isinstance(replayed, Stuck):
        raise MergeConflict(
            f"branch {branch} conflicts with the run's own {left[:12]} in {', '.join(replayed.paths)}",
            hint=f"to merge by hand, on {branch}: git merge {left[:12]}",
        )
    return Result(seen.tip, mends, tuple(dict.fromkeys(own.subtask for own in missing)))


async def _lines(repository: Repository, since: str, until: str) -> tuple[str, ...]:
    asked = ("log", "--reverse", "--no-color", "--format=%h %s", until, f"^{since}")
    return (await git(repository.root, *asked)).lines
