"""The steps at both ends of execution: begin, settle a subtask, finish; what they decide is in the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.config.paths import worktrees_dir
from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import Proof
from agentflow.git.worktrees import remove_worktrees
from agentflow.workflows.branch import close, meet_at_end
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Merge, Start
from agentflow.workflows.walls import planner_session


async def begin(context: RunContext) -> Start:
    """Write the plan's subtasks into the ledger as waiting; the first attempt gets what the planner read in."""
    plan = context.plan
    await context.rooms.leave(context.base_worktree)
    context.put_waiting([subtask.id for subtask in plan.subtasks])
    wants_review = bool(context.ledger.run(context.run_id).spec.get("review_at_end"))
    planned = planner_session(context.ledger.calls(context.run_id)) is not None
    settings = context.settings
    return Start(
        plan,
        context.base,
        settings.max_parallel,
        context.ladders,
        wants_review,
        planner=planned,
        mutate=settings.mutate,
    )


async def report_merge(context: RunContext, attempt: Attempt, merge: Merge) -> bool:
    """Tell the outcome of a merge; an attempt that was red on the combination did not pass after all."""
    context.emit(
        EventKind.MERGE_FINISHED,
        attempt.subtask,
        attempt.n,
        attempt.tier.value,
        merged=merge.merged,
        reason=merge.reason,
        head=merge.head,
    )
    if not merge.merged:
        context.ledger.revise_attempt(
            context.run_id, attempt.subtask, attempt.n, outcome=Outcome.CHECKS_FAILED, reason=merge.reason
        )
    return merge.merged


async def reopen(context: RunContext, attempt: Attempt, breach: Merge) -> bool:
    """A landed subtask broke what another promised: it did not pass after all, and is worked on again."""
    await report_merge(context, attempt, breach)
    context.put_subtask(attempt.subtask, SubtaskStatus.RUNNING)
    return True


async def settle(
    context: RunContext,
    subtask: str,
    status: SubtaskStatus,
    reason: str,
    commit: str | None,
    proof: Proof | None = None,
) -> bool:
    """A subtask's final status, and what its merge rests on; its worktrees are free for others."""
    context.put_subtask(subtask, status, reason, commit)
    if commit is not None:
        context.ledger.update_run(context.run_id, head=commit)
    told = proof.value if proof else None
    context.emit(EventKind.SUBTASK_FINISHED, subtask, status=status.value, proof=told, reason=reason)
    for attempt in context.ledger.attempts(context.run_id, subtask=subtask):
        await context.rooms.leave(context.worktree_of(subtask, attempt.n))
    return True


async def finish(context: RunContext, head: str, statuses: Mapping[str, SubtaskStatus]) -> RunStatus:
    """The run's status, once its branch is where the run is; else the ledger says where the result is kept.

    Raises EnvironmentError_ where somebody left something on the branch that the run's work does not hold on.
    """
    good = (SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN)
    status = RunStatus.SUCCEEDED if all(s in good for s in statuses.values()) else RunStatus.FAILED
    head = (await meet_at_end(context, head)).head
    tip = head if head != context.base else None
    spec = context.ledger.run(context.run_id).spec
    context.ledger.update_run(context.run_id, head=tip, spec={**spec, "kept_at": await close(context, head)})
    return status


async def clear_worktrees(context: RunContext) -> None:
    """Remove this run's worktrees, once nothing of it runs; its commits stay on the branch and under its refs."""
    await remove_worktrees(context.repository, worktrees_dir(context.run_id))
    await context.prover.clear()
