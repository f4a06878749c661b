"""Walls: files outside a subtask's scope that its work needs. The plan is at fault, so no dearer model is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from agentflow.checks.tamper import is_judge, is_test_module
from agentflow.checks.unheard import line_errors
from agentflow.config.answers import schema_of
from agentflow.config.plans import ReplanAnswer
from agentflow.config.validation import validate
from agentflow.domain.agents import WRITING_TOOLS
from agentflow.domain.attempts import Attempt, Outcome, SubtaskStatus, Wall, Way
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.plans import Plan, Subtask, plan_errors
from agentflow.domain.scope import alternatives, matches_scope, scope_error
from agentflow.errors import UsageError
from agentflow.git.commits import list_files
from agentflow.git.links import followed_scope
from agentflow.models.path_guard import OUTSIDE_SCOPE, STEERING
from agentflow.models.session import Denial
from agentflow.store.records import CallRecord
from agentflow.workflows import denials
from agentflow.workflows.context import RunContext
from agentflow.workflows.exploring import Explorers
from agentflow.workflows.orders import Order, Replanned, Round, Walled
from agentflow.workflows.prompts import replan_prompt

#: Files that one glob or folder of an agent's may stand for; more are for the plan's author to give.
MAX_FILES = 20
_WALLED = (Outcome.BLOCKED, Outcome.EMPTY, Outcome.OUT_OF_SCOPE)
#: What a session that meets a wall may end as besides.
_EXHAUSTED = (Outcome.LIMIT, Outcome.TIMEOUT)


async def wall_of(context: RunContext, order: Order, rounds: Sequence[Round], outcome: Outcome) -> Wall | None:
    """The wall that an attempt met, None when it met none.

    That is the files it asks for, or else those it was refused, or else what it was refused three times and more.
    """
    if (files := await _wall_of_files(context, order, rounds, outcome)) is not None:
        return files
    met = denials.wall_met([denial for one in rounds for denial in one.denials])
    if not met or outcome not in (*_WALLED, *_EXHAUSTED):
        return None
    return Wall((), asked=False, session=rounds[-1].session_id, room=order.room, refused=denials.told(met))


async def _wall_of_files(context: RunContext, order: Order, rounds: Sequence[Round], outcome: Outcome) -> Wall | None:
    asked = rounds[-1].needs_files
    named = asked or tuple(path for one in rounds for path in one.refused)
    if outcome not in _WALLED or not named:
        return None
    tree = await list_files(context.repository, order.base)
    scope = await followed_scope(context.repository, order.base, context.plan.subtask(order.subtask).files)
    needed = needed_files(named, context.worktree(order), tree, scope)
    reserved = tuple(path for path in needed if is_reserved(path, tree))
    wall = Wall(needed, reserved, bool(asked), session=rounds[-1].session_id, room=order.room)
    return wall if needed else None


def refused_files(refused: Sequence[Denial]) -> tuple[str, ...]:
    """The paths a session was not let write because they lie outside its scope; none when other writes were refused."""
    writes = [denial for denial in refused if denial.tool in WRITING_TOOLS - {"Bash"}]
    outside = all(denial.reason.startswith(OUTSIDE_SCOPE) for denial in writes)
    return tuple(dict.fromkeys(denial.argument for denial in writes)) if outside else ()


def needed_files(named: Sequence[str], worktree: Path, tree: Sequence[str], scope: Sequence[str]) -> tuple[str, ...]:
    """The single files that an agent's paths and globs stand for, those of its scope left out.

    What stands for no file of `tree`, or for too many, is kept as it is written.
    """
    paths = (path.strip().removeprefix(f"{worktree}/").removeprefix("./") for path in named)
    found = (file for path in paths if path for file in _files_of(path, tree))
    return tuple(file for file in dict.fromkeys(found) if not matches_scope(file, scope))


def is_reserved(path: str, tree: Collection[str]) -> bool:
    """Whether only the plan's author may give this path to a subtask.

    That is what steers agents, what judges the work, and whatever is not told apart as one file: a folder, a glob. Of
    what judges the work, a test module that does not exist yet may be given: new tests make nothing pass.
    """
    if scope_error(path) is not None or STEERING & {part.casefold() for part in PurePosixPath(path).parts}:
        return True
    if path not in tree and (set(path) & set("*?[]{}") or any(file.startswith(f"{path}/") for file in tree)):
        return True
    is_new_test = is_test_module(path) and path not in tree
    return not is_new_test and (is_judge(path) or is_judge(f"{path}/x"))


async def widen(context: RunContext, attempt: Attempt, plan: Plan) -> bool:
    """Write down that the subtask of a walled attempt has the files now. `plan` says so already."""
    context.put_plan(plan)
    if attempt.wall is not None:
        _note(context, attempt, Way.WIDENED)
        files, asked = list(attempt.wall.files), attempt.wall.asked
        context.emit(EventKind.SCOPE_WIDENED, attempt.subtask, attempt.n, files=files, asked=asked)
    return True


async def replan(context: RunContext, walled: Walled) -> Replanned:
    """Ask the planner, in the session that made the plan, to plan the subtask anew."""
    attempt, subtask = walled.attempt, context.plan.subtask(walled.attempt.subtask)
    planner, worktree = context.agents["planner"], await context.rooms.view(context.base_worktree, context.base)
    request = context.request(
        CallKind.PLAN,
        planner,
        planner.tier,
        prompt=replan_prompt(subtask=subtask, walled=walled),
        schema=schema_of(ReplanAnswer),
        worktree=worktree,
        subtask=subtask.id,
        attempt=attempt.n,
        resume=planner_session(context.ledger.calls(context.run_id)),
        explore=Explorers(context).tool(worktree, subtask.id, attempt.n),
    )
    result = await context.desk.run(request, "plan")
    if result.output is None:
        reason = result.failure.reason if result.failure else "no answer"
        return Replanned(attempt, None, f"the planner did not plan it anew: {reason}")
    try:
        answer = validate(ReplanAnswer, dict(result.output), "")
    except UsageError as error:
        return Replanned(attempt, None, f"the planner's answer cannot be read: {error.message}")
    return _read(context, walled, answer)


async def take_up(context: RunContext, replanned: Replanned, plan: Plan) -> bool:
    """Write down that the subtask of a walled attempt is planned anew. `plan` says so already."""
    subtask = plan.subtask(replanned.attempt.subtask)
    context.put_plan(plan)
    context.put_subtask(subtask.id, SubtaskStatus.WAITING)
    _note(context, replanned.attempt, Way.REPLANNED)
    context.emit(
        EventKind.SUBTASK_REPLANNED,
        subtask.id,
        replanned.attempt.n,
        files=list(subtask.files),
        depends_on=list(subtask.depends_on),
        reason=replanned.reason,
    )
    return True


def planner_session(calls: Sequence[CallRecord]) -> str | None:
    """The session that made the run's plan; None when a person brought it."""
    sessions = [call.session_id for call in calls if call.kind is CallKind.PLAN and call.session_id]
    return sessions[-1] if sessions else None


def told(attempt: Attempt, owners: Mapping[str, str], said: str) -> str:
    """Why a subtask ends at a wall, and what a person would change in the plan. `said`: the planner's word."""
    wall = attempt.wall
    if wall is not None and not wall.files:
        advice = f"it was refused {wall.refused}"
    else:
        advice = f"give {attempt.subtask} these files in the plan: {', '.join(wall.files if wall else ())}"
    if owners:
        advice += f", and depends_on: [{', '.join(dict.fromkeys(owners.values()))}]"
    return "; ".join(filter(None, (attempt.reason, f"the planner: {said}" if said else "", f"wall: {advice}")))


def _files_of(path: str, tree: Sequence[str]) -> Iterator[str]:
    hits = [file for file in tree if matches_scope(file, [path])]
    if hits:
        yield from hits if len(hits) <= MAX_FILES else [path]
        return
    try:
        yield from alternatives(path)
    except ValueError:
        yield path


def _read(context: RunContext, walled: Walled, answer: ReplanAnswer) -> Replanned:
    attempt, plan = walled.attempt, context.plan
    if answer.verdict == "stands":
        return Replanned(attempt, None, answer.reason, stands=True)
    subtask = answer.applied(plan.subtask(attempt.subtask))
    errors = [*plan_errors(plan.changed(subtask), context.agents), *_lost(subtask, walled.lost)]
    errors += line_errors(subtask.checks)
    if errors:
        return Replanned(attempt, None, f"the planner's new plan cannot be carried out: {'; '.join(errors)}")
    return Replanned(attempt, subtask, answer.reason)


def _lost(subtask: Subtask, lost: Collection[str]) -> Iterator[str]:
    for needed in (needed for needed in subtask.depends_on if needed in lost):
        yield f"{subtask.id}: depends_on names {needed!r}, which is given up"


def _note(context: RunContext, attempt: Attempt, way: Way) -> None:
    if attempt.wall is not None:
        context.ledger.put_wall(context.run_id, attempt.subtask, attempt.n, replace(attempt.wall, way=way))
