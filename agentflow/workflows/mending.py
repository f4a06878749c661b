"""The steps of a review at the end of a run: what it confirms and is grave goes back to work, once."""

from __future__ import annotations

from dataclasses import replace

from agentflow.domain.attempts import SubtaskStatus
from agentflow.domain.codec import encode
from agentflow.domain.findings import Severity, Verified
from agentflow.domain.plans import Plan, Subtask
from agentflow.domain.reviews import Mode, ReviewSpec
from agentflow.review.fixing import fix_plan
from agentflow.review.selecting import select
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Start
from agentflow.workflows.planning import announce

#: From this severity on a finding is worth another round of work.
GRAVE = Severity.HIGH


async def begin_review(context: RunContext, head: str) -> bool:
    """Ask for a review of everything between the run's base and its head."""
    run = context.ledger.run(context.run_id)
    spec = ReviewSpec(Mode.DIFF, context.base, head, exclude=context.settings.review.exclude)
    context.ledger.update_run(run.id, spec={**run.spec, "review": encode(spec)})
    return True


async def plan_mending(context: RunContext, planned: Plan) -> Start:
    """The plan with subtasks for what the review found; as it was when there is nothing to mend."""
    selection = select(context.ledger.findings(context.run_id), context.review_spec)
    grave = [f for f in selection.failing(GRAVE) if f.verified is Verified.CONFIRMED]
    plan = planned
    if grave:
        plan = _extended(planned, fix_plan(grave).plan.subtasks)
        context.ledger.update_run(context.run_id, plan=encode(plan))
        announce(context, plan)
        for subtask in plan.subtasks[len(planned.subtasks) :]:
            context.put_subtask(subtask.id, SubtaskStatus.WAITING)
    return Start(plan, context.base, context.settings.max_parallel, context.ladders, review=True)


def _extended(plan: Plan, added: tuple[Subtask, ...]) -> Plan:
    """The plan and the new subtasks, whose ids give way where the plan has them already."""
    taken = {subtask.id for subtask in plan.subtasks}
    own = (replace(s, id=f"review-{s.id}"[:48].rstrip("-")) if s.id in taken else s for s in added)
    return replace(plan, subtasks=(*plan.subtasks, *own))
