"""The steps of an attempt: work, examine, rework, judge, record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from agentflow.checks.evidence import environment_verdict, judge, known_failures
from agentflow.checks.tamper import scope_verdict
from agentflow.config.answers import AttemptAnswer, JudgeAnswer, schema_of
from agentflow.domain.attempts import Attempt, Outcome, SubtaskStatus, Verdict
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import Evidence, Proof
from agentflow.domain.plans import Subtask
from agentflow.domain.text import printable
from agentflow.errors import LimitReached, UpstreamError
from agentflow.git.commits import Committed, changes, commit_wanted, diff_text, worktree_head
from agentflow.git.links import followed_scope
from agentflow.git.preflight import refuse_filters
from agentflow.git.wanted import Wanted, is_artefact
from agentflow.models.session import SessionResult
from agentflow.routing.ladder import judge_tier
from agentflow.workflows.context import RunContext
from agentflow.workflows.denials import told
from agentflow.workflows.exploring import Explorers
from agentflow.workflows.orders import Examined, Order, Round
from agentflow.workflows.prompts import executor_prompt, fix_prompt, judge_prompt, sections, widened_prompt
from agentflow.workflows.walls import refused_files, wall_of
from agentflow.workflows.weighing import Weighing

#: What an unproven attempt needs besides a judge's approval (design, "Evidence rules").
MIN_UNPROVEN_CONFIDENCE = 0.9
#: Files that one notice names.
_MOST_TOLD = 5


async def work(context: RunContext, order: Order) -> Round:
    """A fresh session in a fresh worktree; what it changed is committed before this returns."""
    subtask = context.plan.subtask(order.subtask)
    started, worktree = time.time(), context.worktree(order)
    context.put_subtask(subtask.id, SubtaskStatus.RUNNING)
    if order.n == 1:
        context.emit(EventKind.SUBTASK_STARTED, subtask.id, title=subtask.title)
    context.emit(EventKind.ATTEMPT_STARTED, subtask.id, order.n, order.tier.value, model=context.model(order.tier))
    await context.rooms.open(worktree, order.base)
    await context.prover.set_up(worktree)
    return await _session(context, order, _opening(context, order, await _prior_diff(context, order)), started)


async def go_on(context: RunContext, order: Order) -> Round:
    """The session that met a wall, resumed with the wider scope on top of its own commit."""
    commit = order.prior.commit if order.prior else None
    context.emit(EventKind.ATTEMPT_STARTED, order.subtask, order.n, order.tier.value, model=context.model(order.tier))
    await _restore(context, order, commit or order.base)
    prompt = widened_prompt(context.plan.subtask(order.subtask).files)
    session = order.resumed.session if order.resumed else None
    afresh = sections(_opening(context, replace(order, prior=None)), prompt)
    again = await _session(context, order, prompt, time.time(), resume=session, afresh=afresh)
    return replace(again, commit=again.commit or commit)


async def rework(context: RunContext, order: Order, first: Round, examined: Examined) -> Round:
    """The fix round: the same session resumed with the failure digest, on top of its own commit."""
    await _restore(context, order, first.commit or order.base)
    prompt = fix_prompt(examined.reason, examined.digest, first.refused, first.left_out)
    afresh = sections(_opening(context, replace(order, prior=None)), prompt)
    again = await _session(context, order, prompt, first.started, resume=first.session_id, afresh=afresh)
    return replace(again, commit=again.commit or first.commit)


async def examine(context: RunContext, order: Order, done: Round) -> Examined:
    """The verdict on a round, by what the commit holds and what the checks show on it."""
    if done.failure is not None:
        return Examined(done.failure, done.reason)
    if done.blocked:
        return Examined(Outcome.BLOCKED, done.reason or "the agent says it is blocked")
    changed = await changes(context.repository, order.base, done.commit) if done.commit else ()
    if done.commit is None or not changed:
        refused = f"; it was refused {told(done.denials)}" if done.denials else ""
        return Examined(Outcome.EMPTY, f"the agent changed nothing{refused}")
    subtask = context.plan.subtask(order.subtask)
    scope = await followed_scope(context.repository, order.base, subtask.files)
    if (outside := scope_verdict(changed, scope)) is not None:
        return _examined(outside)
    commands = (*subtask.checks, *context.checks)
    before = await context.prover.known(order.base, context.checks)
    known, label = known_failures(before, subtask.checks), (subtask.id, order.n)
    evidence = await context.prover.prove(done.commit, commands, label, known, first=subtask.checks)
    verdict = judge(before, evidence, subtask.checks, changed, drops=subtask.drops_tests)
    if verdict.passed:
        return await Weighing(context, order, subtask, done.commit, changed, evidence).examined()
    return _examined(await _environment(context, order, subtask, evidence) or verdict)


async def approve(context: RunContext, order: Order, done: Round, examined: Examined) -> Examined:
    """What the checks do not prove, a judge one tier up has to approve; unproven work needs confidence too."""
    proof, why = examined.proof, examined.reason
    if proof is Proof.UNPROVEN and done.confidence < MIN_UNPROVEN_CONFIDENCE:
        why = f"{why}; the agent's confidence is {done.confidence:.2f}"
        return Examined(Outcome.CHECKS_FAILED, why, proof=proof)
    subtask = context.plan.subtask(order.subtask)
    diff = await diff_text(context.repository, order.base, done.commit or order.base)
    request = context.request(
        CallKind.JUDGE,
        context.agents["judge"],
        judge_tier(order.tier),
        prompt=judge_prompt(
            goal=context.goal, subtask=subtask, diff=diff, summary=done.summary, why=why, shown=examined.digest
        ),
        schema=schema_of(JudgeAnswer),
        worktree=context.worktree(order),
        subtask=subtask.id,
        attempt=order.n,
    )
    result = await context.desk.run(request, subtask.task_class)
    if result.output is None:
        reason = result.failure.reason if result.failure else "no answer"
        return Examined(Outcome.CHECKS_FAILED, f"{why}; the judge gave no verdict: {reason}", proof=proof)
    answer = JudgeAnswer.model_validate(result.output)
    outcome = Outcome.PASSED if answer.approve else Outcome.CHECKS_FAILED
    return Examined(outcome, f"{why}; judged: {answer.reason}", digest=answer.reason, proof=proof)


async def renew_environment(context: RunContext) -> bool:
    """Set up anew where the checks run: what they could not run in may have been broken on the way."""
    await context.prover.renew_environment()
    return True


async def record(context: RunContext, order: Order, rounds: Sequence[Round], examined: Examined) -> Attempt:
    """Write the attempt into the ledger. What is returned leaves the test ids out, to stay small."""
    last = rounds[-1]
    evidence = None
    if last.commit is not None:
        subtask = context.plan.subtask(order.subtask)
        evidence = await context.prover.known(last.commit, (*subtask.checks, *context.checks))
    wall = await wall_of(context, order, rounds, examined.outcome)
    attempt = Attempt(
        subtask=order.subtask,
        n=order.n,
        tier=order.tier,
        model=last.model,
        outcome=Outcome.WALL if wall and wall.refused else examined.outcome,
        rounds=len(rounds),
        reason=examined.reason,
        digest=examined.digest,
        base=order.base,
        commit=last.commit,
        summary=last.summary,
        confidence=last.confidence,
        checks=evidence.results if evidence else (),
        duration_s=max(0.0, time.time() - last.started),
        proof=examined.proof if examined.passed else None,
        wall=wall,
    )
    context.ledger.put_attempt(order.run, attempt, started_at=last.started)
    context.emit(
        EventKind.ATTEMPT_FINISHED,
        order.subtask,
        order.n,
        order.tier.value,
        outcome=attempt.outcome.value,
        proof=attempt.proof and attempt.proof.value,
        reason=attempt.reason,
        commit=attempt.commit,
    )
    if attempt.wall is None:  # else its session may go on where it stopped
        await context.rooms.leave(context.worktree(order))
    return replace(attempt, checks=())


async def _restore(context: RunContext, order: Order, commit: str) -> None:
    """The worktree at `commit` again, when an interrupted earlier fix round has moved it on or it is gone."""
    worktree = context.worktree(order)
    if not worktree.exists() or await worktree_head(context.repository, worktree) != commit:
        await context.rooms.open(worktree, commit)
        await context.prover.set_up(worktree)


def _opening(context: RunContext, order: Order, prior_diff: str = "") -> str:
    """What an executor is told who knows nothing yet."""
    subtask = context.plan.subtask(order.subtask)
    return executor_prompt(
        goal=context.goal,
        subtask=subtask,
        worktree=context.worktree(order),
        checks=(*subtask.checks, *context.checks),
        rules=context.rules,
        prior=order.prior,
        prior_diff=prior_diff,
    )


async def _session(
    context: RunContext,
    order: Order,
    prompt: str,
    started: float,
    *,
    resume: str | None = None,
    afresh: str = "",
) -> Round:
    subtask, worktree = context.plan.subtask(order.subtask), context.worktree(order)
    scope = await followed_scope(context.repository, order.base, subtask.files)
    request = context.request(
        CallKind.EXECUTE,
        context.agents[subtask.agent],
        order.tier,
        prompt=prompt,
        schema=schema_of(AttemptAnswer),
        worktree=worktree,
        subtask=subtask.id,
        attempt=order.n,
        write_scope=scope,
        commands=(*subtask.checks, *context.checks),
        resume=resume,
        afresh=afresh,
        explore=Explorers(context).tool(worktree, subtask.id, order.n),
    )
    context.rooms.wake(worktree)
    try:
        async with context.watch.over(order.name):
            result = await context.desk.run(request, subtask.task_class)
    except (LimitReached, UpstreamError) as stop:
        _note_stop(context, order, started, stop, rounds=2 if resume else 1)
        raise
    await refuse_filters(context.repository)
    made = await _commit(context, order, subtask, result.written)
    context.rooms.rest(worktree)
    return replace(_round(result, request.model, made.commit), started=started, left_out=made.left_out)


def _note_stop(
    context: RunContext, order: Order, started: float, stop: LimitReached | UpstreamError, *, rounds: int
) -> None:
    """What stopped the run in the middle of an attempt stands as its outcome until the attempt is made again."""
    stopped = Attempt(
        subtask=order.subtask,
        n=order.n,
        tier=order.tier,
        model=context.model(order.tier),
        outcome=Outcome.LIMIT if isinstance(stop, LimitReached) else Outcome.TRANSPORT,
        rounds=rounds,
        reason=stop.message,
        digest="",
        base=order.base,
        commit=None,
        summary="",
        confidence=0.0,
        checks=(),
        duration_s=max(0.0, time.time() - started),
    )
    context.ledger.put_attempt(order.run, stopped, started_at=started)


async def _commit(context: RunContext, order: Order, subtask: Subtask, written: Sequence[str]) -> Committed:
    """Commit what the session left, and keep it under the run's own ref so that nothing is ever lost."""
    message = f"{subtask.title}\n\nAttempt {order.n} ({order.tier}) of subtask {subtask.id}."
    left = await context.prover.left_behind((*subtask.checks, *context.checks))
    wanted = Wanted(subtask.files, frozenset(written), left)
    ref, rooms = f"refs/agentflow/{order.run}/{subtask.id}/{order.n}", context.rooms
    worktree = context.worktree(order)
    made = await commit_wanted(context.repository, worktree, message, wanted, ref=ref, indexes=rooms.indexes)
    _tell(context, order, made)
    return made


def _tell(context: RunContext, order: Order, made: Committed) -> None:
    """What people may not expect of the commit. Build output they do: it is for the agent alone."""
    unhidden = [printable(path) for path in made.unhidden]
    missing = [f"{printable(one.path)} ({printable(one.why)})" for one in made.left_out if not is_artefact(one.path)]
    for names, what in ((unhidden, "committed although an ignore rule hides them"), (missing, "not committed")):
        if names:
            more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
            told = f"{order.name}: {what}: {', '.join(names[:_MOST_TOLD])}{more}"
            context.emit(EventKind.NOTICE, order.subtask, order.n, order.tier.value, message=told)


def _round(result: SessionResult, model: str, commit: str | None) -> Round:
    served = result.requests[-1].model if result.requests else model
    if result.output is None:
        failure = result.failure
        outcome = failure.outcome if failure else Outcome.INVALID_OUTPUT
        reason = failure.reason if failure else ""
        return Round(result.session_id, served, commit, failure=outcome, reason=reason, denials=result.denials)
    answer = AttemptAnswer.model_validate(result.output)
    return Round(
        result.session_id,
        served,
        commit,
        blocked=answer.status == "blocked",
        summary=answer.summary,
        confidence=answer.confidence,
        reason=answer.blocked_reason or "",
        needs_files=answer.needs_files if answer.status == "blocked" else (),
        refused=refused_files(result.denials),
        denials=result.denials,
    )


async def _environment(context: RunContext, order: Order, subtask: Subtask, after: Evidence) -> Verdict | None:
    """`environment` where a check that could not run cannot run on the base either."""
    hindered = [result.command for result in after.results if result.obstacle is not None]
    if not hindered:
        return None
    label = (subtask.id, order.n)
    base = await context.prover.prove(order.base, hindered, label, where="on the base", alone=False)
    return environment_verdict(base, after, subtask.files)


def _examined(verdict: Verdict) -> Examined:
    return Examined(verdict.outcome, printable(verdict.reason), printable(verdict.digest))


async def _prior_diff(context: RunContext, order: Order) -> str:
    prior = order.prior
    if prior is None or prior.commit is None:
        return ""
    return await diff_text(context.repository, prior.base, prior.commit)
