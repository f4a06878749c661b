"""The steps around the run's branch: what is merged lands on the run's own ref, and the branch follows where it may.

Others may commit on the branch, rewrite it, move it or check it out while the run goes on. What they did is taken in
before the next merge and at the end, and proved again; where that cannot be, the run stops with a word and goes on from
there when it is resumed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agentflow.checks.tamper import is_test_code
from agentflow.domain.events import EventKind
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import changes, delete_refs, is_ancestor, put_ref, ref_value
from agentflow.git.replaying import Stuck, replay
from agentflow.git.run_refs import look_at, move_branch, own_commits, tip_ref, undone
from agentflow.workflows.context import RunContext
from agentflow.workflows.merging import landed_cars, stands
from agentflow.workflows.orders import Met

#: How often a branch that moves while the run ends is taken in before the run stops.
MOST_MOVES = 20


async def land(context: RunContext, commit: str) -> bool:
    """Make a proven commit the run's head; harmless when it is. Says whether the branch is there too."""
    await put_ref(context.repository, tip_ref(context.run_id), commit)
    return await follow(context, commit)


async def meet(context: RunContext, head: str) -> Met:
    """Take in what others did to the branch since the run was at `head`; the run's new head and where its commits went.

    Raises EnvironmentError_ where what they left conflicts with the run's work, or does not hold what it promised.
    """
    branch = await look_at(context.repository, context.branch)
    if branch.tip in (None, head) or await is_ancestor(context.repository, str(branch.tip), head):
        await follow(context, head)
        return Met(head)
    met = await _taken_in(context, head, str(branch.tip))
    await land(context, met.head)
    return met


async def meet_at_end(context: RunContext, head: str) -> Met:
    """The same until the branch stands where the run does, or is somebody else's for now: then that is told."""
    met = Met(head)
    for _ in range(MOST_MOVES):
        again = await meet(context, met.head)
        met = Met(again.head, {**{old: again.moved.get(new, new) for old, new in met.moved.items()}, **again.moved})
        branch = await look_at(context.repository, context.branch)
        if branch.tip == met.head or branch.holder or (branch.tip is None and met.head == context.base):
            return met
    raise _stop(context, head, str(branch.tip), "it goes on moving")


async def close(context: RunContext, head: str) -> str | None:
    """Once the run is at its end: where its result is kept, if its branch does not have it. The own ref goes if not."""
    repository, ref = context.repository, tip_ref(context.run_id)
    branch = await look_at(repository, context.branch)
    if head != context.base and not (branch.tip and await is_ancestor(repository, head, branch.tip)):
        return ref
    if await ref_value(repository, ref) is not None:
        await delete_refs(repository, (ref,))
    return None


async def follow(context: RunContext, head: str) -> bool:
    """Move the branch to the run's head, unless somebody has it checked out or has put something else there."""
    if head == context.base:
        return True
    branch = await look_at(context.repository, context.branch)
    if branch.tip == head:
        return True
    if branch.holder is not None:
        if _remember(context, "holder", branch.holder):
            place = f"the run goes on under {tip_ref(context.run_id)}"
            _say(context, f"branch {context.branch} is checked out in {branch.holder} and stays as it is: {place}")
        return False
    if branch.tip is not None and not await is_ancestor(context.repository, branch.tip, head):
        return False
    if not await move_branch(context.repository, context.branch, head, branch.tip):
        return False
    was = context.ledger.cache_get("branch", f"{context.run_id}:at")
    if was is not None and was != branch.tip and branch.holder is None:
        where = f"put back to {branch.tip[:12]}" if branch.tip else "deleted"
        _say(context, f"branch {context.branch} was {where} by somebody else; it is at the run's work again")
    _remember(context, "at", head)
    return True


async def _taken_in(context: RunContext, head: str, tip: str) -> Met:
    """What stands on the branch, with those of the run's commits put on top that are not in it; proved as a whole."""
    repository, run = context.repository, context.run_id
    ours, theirs = await own_commits(repository, run, tip, head), await own_commits(repository, run, head, tip)
    there = {(own.subtask, own.attempt): own.commit for own in theirs}
    missing = [own for own in ours if (own.subtask, own.attempt) not in there]
    ref = context.scratch_ref("taken-in")
    replayed = await replay(repository, list(dict.fromkeys(own.commit for own in missing)), tip, ref=ref)
    if isinstance(replayed, Stuck):
        name = next(own.subtask for own in missing if own.commit == replayed.commit)
        why = f"there the work of {name} ({replayed.commit[:12]}) conflicts in {', '.join(replayed.paths)}"
        raise _stop(context, head, tip, why)
    found = {own.commit: there[own.subtask, own.attempt] for own in ours if own not in missing}
    met = Met(replayed.head, {**found, **replayed.moved})
    await _prove(context, head, tip, met)
    again = f", and {_names({own.subtask for own in missing})} put on top of it again" if missing else ""
    _say(context, f"branch {context.branch} was moved by somebody else to {tip[:12]}: taken in{again}")
    _remember(context, "at", tip)
    rows = context.ledger.subtasks(run)
    moved = [replace(row, commit=met.moved[row.commit]) for row in rows if row.commit in met.moved]
    context.ledger.put_subtasks(run, moved)
    context.ledger.update_run(run, head=met.head)
    return met


async def _prove(context: RunContext, head: str, tip: str, met: Met) -> None:
    """All that the run's landed work promised holds on what is taken in. Raises EnvironmentError_ where it does not."""
    repository, cars = context.repository, landed_cars(context)
    gone = set(await undone(repository, [car.commit for car in cars], head))
    there = {met.moved.get(car.commit, car.commit): car.attempt.subtask for car in cars if car.commit not in gone}
    if lost := await undone(repository, list(there), met.head):
        raise _stop(context, head, tip, f"there nothing is left of the work of {_names({there[c] for c in lost})}")
    theirs = [change.path for change in await changes(repository, head, met.head) if is_test_code(change.path)]
    verdict = await stands(context, head, met.head, cars, drops=theirs)
    if not verdict.passed:
        raise _stop(context, head, tip, f"there {verdict.reason}")


def _names(subtasks: Collection[str]) -> str:
    return ", ".join(sorted(subtasks))


def _stop(context: RunContext, head: str, tip: str, why: str) -> EnvironmentError_:
    return EnvironmentError_(
        f"branch {context.branch} was moved by somebody else to {tip[:12]}, and {why}",
        hint=f"mend it on the branch, or put it back with: git branch -f {context.branch} {head[:12]}; "
        f"then: agentflow resume {context.run_id}",
    )


def _remember(context: RunContext, what: str, value: str) -> bool:
    """Whether it is news."""
    key = f"{context.run_id}:{what}"
    if context.ledger.cache_get("branch", key) == value:
        return False
    context.ledger.cache_put("branch", key, value)
    return True


def _say(context: RunContext, message: str) -> None:
    context.emit(EventKind.NOTICE, message=message)
