"""A run, read top to bottom: plan, then execute until every subtask is merged or given up."""

from __future__ import annotations

from typing import Any

from dbos import DBOS, SetWorkflowID, WorkflowHandleAsync

from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus
from agentflow.domain.codec import decode, encode
from agentflow.workflows import finishing, merging, planning
from agentflow.workflows.engine import POLL_S, context_of, durable, step
from agentflow.workflows.orders import Drafted, Merge, Order, Start
from agentflow.workflows.progress import Progress
from agentflow.workflows.subtask import attempt

Flying = dict[str, WorkflowHandleAsync[Any]]


@durable
async def plan_run(run: str) -> Any:
    """Baseline, plan, and one repair of a plan that cannot be carried out. Returns what is still wrong with it."""
    await step(run, "baseline", list[str], planning.baseline)
    drafted = await step(run, "draft plan", Drafted, planning.draft)
    if drafted.errors:
        drafted = await step(run, "repair plan", Drafted, planning.repair, drafted)
    await step(run, "adopt plan", bool, planning.adopt, drafted)
    return list(drafted.errors)


@durable
async def execute_run(run: str) -> str:
    """Start what is ready, merge what passes, climb a tier on what fails. Returns the run's status."""
    start = await step(run, "begin", Start, finishing.begin)
    progress = Progress.at(run, start)
    flying: Flying = {}
    while await _launch_ready(progress, flying):
        done = await _first(flying)
        if done.outcome is Outcome.PASSED:
            await _launch_ready(progress, flying)  # nobody waits for a merge who does not need it
            await _merge(progress, done)
        elif not progress.climb(done):
            status = SubtaskStatus.BLOCKED if done.outcome is Outcome.BLOCKED else SubtaskStatus.FAILED
            await _give_up(progress, done.subtask, status, done.reason)
    ended = await step(run, "finish", RunStatus, finishing.finish, progress.head, dict(progress.status))
    return ended.value


async def _launch_ready(progress: Progress, flying: Flying) -> bool:
    """Start as many attempts as may be made at once. Says whether any is being made now."""
    for order in progress.next_orders(in_flight=len(flying)):
        flying[order.subtask] = await _launch(order)
    return bool(flying)


async def _launch(order: Order) -> WorkflowHandleAsync[Any]:
    with SetWorkflowID(f"{order.run}/{order.name}"):
        return await DBOS.enqueue_workflow_async(order.tier.value, attempt, encode(order))


async def _first(flying: Flying) -> Attempt:
    """The next attempt to end; which one it was is recorded, so a replay sees the same order."""
    handle = await DBOS.wait_first_async(list(flying.values()), polling_interval_sec=POLL_S)
    done = decode(Attempt, await handle.get_result(polling_interval_sec=POLL_S))
    del flying[done.subtask]
    return done


async def _merge(progress: Progress, done: Attempt) -> None:
    """Merge onto the head; a conflict goes to the resolver's ladder, a red combination back to the subtask's own."""
    run, name, merged = progress.run, f"{done.subtask}/{done.n}", progress.merged
    result = await step(run, f"merge {name}", Merge, merging.merge, done, progress.head, merged)
    for tier in context_of(run).agents["resolver"].ladder:
        if not result.conflicts:
            break
        name_here = f"resolve {name} {tier}"
        result = await step(run, name_here, Merge, merging.resolve, done, progress.head, merged, tier)
    await step(run, f"report merge {name}", bool, finishing.report_merge, done, result)
    if result.merged:
        status = SubtaskStatus.MERGED if done.proven else SubtaskStatus.UNPROVEN
        progress.advance(done.subtask, result, status)
        await step(run, f"settle {done.subtask}", bool, finishing.settle, done.subtask, status, "", result.head)
    elif result.conflicts or not progress.bounce(done, result):
        await _give_up(progress, done.subtask, SubtaskStatus.FAILED, result.reason)


async def _give_up(progress: Progress, subtask: str, status: SubtaskStatus, reason: str) -> None:
    skipped = progress.give_up(subtask, status)
    await step(progress.run, f"settle {subtask}", bool, finishing.settle, subtask, status, reason, None)
    for lost in skipped:
        why = f"needs {subtask}, which is {status}"
        await step(progress.run, f"settle {lost}", bool, finishing.settle, lost, SubtaskStatus.SKIPPED, why, None)
