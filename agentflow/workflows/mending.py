"""The steps of a review at the end of a run: what it confirms and is grave goes back to work, once.

A step may be repeated when its process dies before the result is recorded: it then writes the same again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count

from agentflow.domain.attempts import SubtaskStatus
from agentflow.domain.codec import encode
from agentflow.domain.findings import Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.plans import Plan, Subtask
from agentflow.domain.reviews import Mending, Mode, ReviewSpec
from agentflow.review.fixing import assignments, fix_plan
from agentflow.review.selecting import select
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Start
from agentflow.workflows.planning import announce

#: From this severity on a finding is worth another round of work.
GRAVE = Severity.HIGH
_LANDED = frozenset({SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN})


async def begin_review(context: RunContext, head: str) -> bool:
    """Ask for a review of everything between the run's base and its head."""
    run = context.ledger.run(context.run_id)
    spec = ReviewSpec(Mode.DIFF, context.base, head, exclude=context.settings.review.exclude)
    context.ledger.update_run(run.id, spec={**run.spec, "review": encode(spec)})
    return True


async def plan_mending(context: RunContext, planned: Plan) -> Start:
    """The plan with subtasks for what the review found; as it was when there is nothing to mend."""
    grave = _grave(context)
    fixes = fix_plan(grave)
    names = free_names([subtask.id for subtask in fixes.plan.subtasks], {subtask.id for subtask in planned.subtasks})
    added = fitted(fixes.plan.subtasks, names, _promised(context, planned))
    plan = replace(planned, subtasks=(*planned.subtasks, *added))
    handed_back = {names[subtask]: _prints(grave, found) for subtask, found in assignments(grave).items()}
    _write_down(context, plan, Mending(handed_back, fixes.left_out))
    if added:
        announce(context, replace(fixes.plan, subtasks=added))
    context.put_waiting([subtask.id for subtask in added])
    return Start(plan, context.base, context.settings.max_parallel, context.ladders, review=True)


def free_names(wanted: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """For each id one that is free: the same, or numbered where it is taken."""
    names: dict[str, str] = {}
    for name in wanted:
        used = {*taken, *names.values()}
        numbered = (f"{name}-{n}" for n in count(2))
        names[name] = next(free for free in chain([name], numbered) if free not in used)
    return names


def fitted(added: Sequence[Subtask], names: Mapping[str, str], promised: tuple[str, ...]) -> tuple[Subtask, ...]:
    """The subtasks under their names in this run; each promises too what the run has promised so far."""
    return tuple(
        replace(
            subtask,
            id=names[subtask.id],
            depends_on=tuple(names[needed] for needed in subtask.depends_on),
            checks=tuple(dict.fromkeys((*subtask.checks, *promised))),
        )
        for subtask in added
    )


def _grave(context: RunContext) -> list[ReviewedFinding]:
    """What goes back: grave, confirmed, believed, and not ignored in the code."""
    selection = select(context.ledger.findings(context.run_id), context.review_spec)
    return [found for found in selection.failing(GRAVE) if found.verified is Verified.CONFIRMED]


def _promised(context: RunContext, planned: Plan) -> tuple[str, ...]:
    """The checks of what is on the branch: what holds there has to go on holding."""
    landed = {row.id for row in context.ledger.subtasks(context.run_id) if row.status in _LANDED}
    return tuple(check for subtask in planned.subtasks if subtask.id in landed for check in subtask.checks)


def _prints(reviewed: Sequence[ReviewedFinding], found: Collection[Finding]) -> tuple[str, ...]:
    return tuple(one.fingerprint for one in reviewed if one.finding in found)


def _write_down(context: RunContext, plan: Plan, mending: Mending) -> None:
    run = context.ledger.run(context.run_id)
    context.ledger.update_run(run.id, plan=encode(plan), spec={**run.spec, "mending": encode(mending)})
