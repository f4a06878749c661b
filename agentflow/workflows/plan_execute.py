"""A run, read top to bottom: plan, then execute until every subtask is merged or given up, then perhaps review."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dbos import DBOS, SetWorkflowID, WorkflowHandleAsync

from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import Mutation
from agentflow.workflows import finishing, mending, mutating, planning, standing, walls
from agentflow.workflows.engine import POLL_S, RUNS, durable, step
from agentflow.workflows.merge_train import merge_train
from agentflow.workflows.orders import Drafted, Replanned, Standing, Start, Train, Walled
from agentflow.workflows.progress import Progress
from agentflow.workflows.review import review
from agentflow.workflows.subtask import attempt

#: What is under way by workflow id (attempts, the train, questions to the planner), each with what it will give.
Flying = dict[str, tuple[WorkflowHandleAsync[Any], type[Attempt] | type[Train] | type[Replanned]]]


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
    """Carry the plan out; where it is asked for, review the whole and mend once. Returns the run's status."""
    start = await step(run, "begin", Start, finishing.begin)
    progress = Progress.at(run, start)
    await _complete(progress)
    if start.review and progress.head != start.base and await _has_more(progress):
        await _complete(progress)
    if start.mutate:
        for car in progress.standing:
            await step(run, f"mutate {car.attempt.subtask}", Mutation, mutating.mutate, car)
    final = await step(run, "finish", RunStatus, finishing.finish, progress.head, dict(progress.status))
    return final.value


async def _complete(progress: Progress) -> None:
    """Carry the plan out, until all that landed subtasks promised holds on the last head."""
    await _carry_out(progress)
    while await _reopen(progress):
        await _carry_out(progress)


@durable
async def replan(asked: dict[str, Any]) -> Any:
    """Ask the planner about a `Walled` attempt. Returns the encoded `Replanned`."""
    walled = decode(Walled, asked)
    return encode(await step(walled.run, f"replan {walled.name}", Replanned, walls.replan, walled))


async def _carry_out(progress: Progress) -> None:
    """Start what is ready, merge what passes, climb a tier on what fails, until nothing is left to do."""
    flying: Flying = {}
    while await _start(progress, flying):
        ended = await _first(flying)
        if isinstance(ended, Train):
            await _settle(progress, ended)
        elif isinstance(ended, Replanned):
            await _go_on_planned(progress, ended)
        elif ended.outcome is Outcome.PASSED:
            progress.passed.append(ended)
        elif ended.wall is not None:
            await _meet_wall(progress, ended)
        elif ended.outcome is Outcome.ENVIRONMENT or not progress.climb(ended):
            status = SubtaskStatus.BLOCKED if ended.outcome is Outcome.BLOCKED else SubtaskStatus.FAILED
            await _give_up(progress, ended.subtask, status, ended.reason)


async def _has_more(progress: Progress) -> bool:
    """Review the run's whole diff; what is grave and confirmed comes back as subtasks."""
    run = progress.run
    await step(run, "begin review", bool, mending.begin_review, progress.head)
    await review(run)
    extended = await step(run, "plan mending", Start, mending.plan_mending, progress.plan)
    return progress.extend(extended)


async def _start(progress: Progress, flying: Flying) -> bool:
    """Start the next train, unless one is under way, and as many attempts as may be made at once.

    Says whether anything is under way now.
    """
    if (train := progress.next_train()) is not None:
        with SetWorkflowID(f"{train.run}/{train.name}"):
            handle = await DBOS.enqueue_workflow_async(RUNS, merge_train, encode(train))
        flying[handle.workflow_id] = handle, Train
    for order in progress.next_orders(in_flight=len(flying) - progress.merging):
        with SetWorkflowID(f"{order.run}/{order.name}"):
            handle = await DBOS.enqueue_workflow_async(order.tier.value, attempt, encode(order))
        flying[handle.workflow_id] = handle, Attempt
    for walled in progress.next_walls():
        with SetWorkflowID(f"{walled.run}/replan {walled.name}"):
            handle = await DBOS.enqueue_workflow_async(RUNS, replan, encode(walled))
        flying[handle.workflow_id] = handle, Replanned
    return bool(flying)


async def _first(flying: Flying) -> Attempt | Train | Replanned:
    """What ends next; which one it was is recorded, so a replay sees the same order."""
    handle = await DBOS.wait_first_async([handle for handle, _ in flying.values()], polling_interval_sec=POLL_S)
    _, gives = flying.pop(handle.workflow_id)
    return decode(gives, await handle.get_result(polling_interval_sec=POLL_S))


async def _meet_wall(progress: Progress, attempt: Attempt) -> None:
    """The plan is too narrow, not the model too weak: a wider scope on the same tier, or else a word of the planner."""
    if progress.widen(attempt):
        name = f"widen {attempt.subtask}/{attempt.n}"
        await step(progress.run, name, bool, walls.widen, attempt, progress.plan)
    elif not progress.ask_planner(attempt):
        await _stop_at_wall(progress, attempt, "")


async def _go_on_planned(progress: Progress, replanned: Replanned) -> None:
    """The subtask starts again as it is planned now; where the planner says that it can be done, the ladder goes on."""
    attempt = replanned.attempt
    told = replace(attempt, reason=f"{attempt.reason}; the planner: {replanned.reason}")
    if progress.take_up(replanned):
        name = f"take up {attempt.subtask}/{attempt.n}"
        await step(progress.run, name, bool, walls.take_up, replanned, progress.plan)
    elif not (replanned.stands and progress.climb(told)):
        await _stop_at_wall(progress, attempt, replanned.reason)


async def _stop_at_wall(progress: Progress, attempt: Attempt, said: str) -> None:
    """A dearer agent would meet what one asks for, or was refused again and again. One refused a file may climb."""
    wall = attempt.wall
    if wall is None or wall.asked or wall.refused or not progress.climb(attempt):
        reason = walls.told(attempt, progress.owners(attempt), said)
        await _give_up(progress, attempt.subtask, SubtaskStatus.BLOCKED, reason)


async def _settle(progress: Progress, train: Train) -> None:
    """The head moves on; what was red on the combination goes back to its subtask's own ladder."""
    for done, merge in progress.end_train(train):
        if merge.merged:
            progress.advance(done, merge, done.landed)
            landed = (done.subtask, done.landed, "", merge.head, done.proof)
            await step(progress.run, f"settle {done.subtask}", bool, finishing.settle, *landed)
        elif merge.conflicts or not progress.bounce(done, merge):
            await _give_up(progress, done.subtask, SubtaskStatus.FAILED, merge.reason)


async def _reopen(progress: Progress) -> bool:
    """Prove all promises on the head as it is; who broke one goes back. Says whether anybody did."""
    if not progress.landed:
        return False
    landed, merged = tuple(progress.landed), tuple(progress.merged)
    name = f"hold promises after {len(landed)}"
    held = await step(progress.run, name, Standing, standing.hold, progress.head, landed, merged)
    progress.plan = held.plan
    for subtask, breach in held.breaches.items():
        done = progress.reopen(subtask)
        await step(progress.run, f"reopen {subtask}/{done.n}", bool, finishing.reopen, done, breach)
        if not progress.bounce(done, breach):
            await _give_up(progress, subtask, SubtaskStatus.FAILED, breach.reason)
    return bool(progress.waiting)


async def _give_up(progress: Progress, subtask: str, status: SubtaskStatus, reason: str) -> None:
    if any(car.attempt.subtask == subtask for car in progress.landed):
        reason = f"{reason}; an earlier commit of it is on the branch"
    skipped = progress.give_up(subtask, status)
    await step(progress.run, f"settle {subtask}", bool, finishing.settle, subtask, status, reason, None)
    for lost in skipped:
        why = f"needs {subtask}, which is {status}"
        await step(progress.run, f"settle {lost}", bool, finishing.settle, lost, SubtaskStatus.SKIPPED, why, None)
