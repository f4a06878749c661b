"""The steps of the merge queue: one commit per subtask onto the run's branch, proved before the branch moves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agentflow.checks.covering import covers
from agentflow.checks.evidence import judge, known_failures
from agentflow.config.answers import ResolveAnswer, schema_of
from agentflow.domain.attempts import Attempt, Verdict
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import Evidence
from agentflow.domain.plans import Subtask
from agentflow.domain.text import printable
from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import changes, commit_all, diff_text, ref_value, set_ref
from agentflow.git.merging import Conflicted, lay_out_conflict, squash_onto, unresolved
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Car, Resolved, Squashed, TrainOrder
from agentflow.workflows.prompts import resolver_prompt


async def squash(context: RunContext, order: TrainOrder) -> Squashed:
    """Make the train's commits, one per attempt, each on the one before. No ref moves.

    An attempt that conflicts with those before it waits for the next train; where all conflict with the head itself,
    the first is to be resolved. Raises EnvironmentError_ when somebody else moved the run's branch.
    """
    await _tip(context, order.head)
    cars, conflicts = list[Car](), tuple[str, ...]()
    for attempt in order.attempts:
        head = cars[-1].commit if cars else order.head
        subtask = context.plan.subtask(attempt.subtask)
        ref, message = context.scratch_ref(f"{attempt.subtask}/{attempt.n}-merged"), _message(subtask, attempt)
        squashed = await squash_onto(
            context.repository, head, attempt.commit or head, message, trailers(context, attempt), ref=ref
        )
        if isinstance(squashed, Conflicted):
            conflicts = conflicts or tuple(map(printable, squashed.paths))
        else:
            cars.append(Car(attempt, squashed.commit))
    for attempt in [car.attempt for car in cars] or order.attempts[:1]:
        context.emit(EventKind.MERGE_STARTED, attempt.subtask, attempt.n)
    return Squashed(tuple(cars), () if cars else conflicts)


async def prove(context: RunContext, head: str, cars: tuple[Car, ...]) -> Verdict:
    """Judge the train's last commit by the run's own checks and by what its subtasks promised.

    A promised check is not run by itself where the run's own checks cover it.
    """
    promised = promises(context, [car.attempt.subtask for car in cars])
    whole = await _judged(context, head, cars[-1], context.checks, promised)
    if not whole.passed:
        return whole
    shown = await context.prover.known(cars[-1].commit, context.checks)
    return await _judged(context, head, cars[-1], (*context.checks, *await uncovered(context, shown, cars)), promised)


async def _judged(
    context: RunContext, head: str, last: Car, commands: Sequence[str], promised: Collection[str]
) -> Verdict:
    """What these commands show on a train's last commit, beside what is known of the head."""
    before, stated = await context.prover.known(head, commands), [c for c in commands if c in promised]
    label = (last.attempt.subtask, last.attempt.n)
    after = await context.prover.prove(last.commit, commands, label, known_failures(before, stated))
    drops = tuple(test for subtask in context.plan.subtasks for test in subtask.drops_tests)
    return judge(before, after, stated, await changes(context.repository, head, last.commit), drops=drops)


def promises(context: RunContext, subtasks: Sequence[str]) -> tuple[str, ...]:
    """What these subtasks promised, each command once."""
    plan = context.plan
    return tuple(dict.fromkeys(check for subtask in subtasks for check in plan.subtask(subtask).checks))


async def uncovered(context: RunContext, whole: Evidence, cars: Sequence[Car]) -> tuple[str, ...]:
    """What these attempts promised and the run's own checks do not show, each command once."""
    found = dict[str, None]()
    for car in cars:
        checks = context.plan.subtask(car.attempt.subtask).checks
        alone = await context.prover.known(car.attempt.commit or car.commit, checks)
        for check in checks:
            if not any(covers(suite, alone.result(check)) for suite in whole.results):
                found[check] = None
    return tuple(check for check in found if check not in context.checks)


async def land(context: RunContext, head: str, commit: str) -> bool:
    """Move the run's branch from `head` to a proven commit; harmless when it is there.

    Raises EnvironmentError_ when somebody else moved it.
    """
    ref = f"refs/heads/{context.branch}"
    await set_ref(context.repository, ref, commit, await _tip(context, head, commit))
    return True


async def resolve(context: RunContext, attempt: Attempt, head: str, tier: Tier) -> Resolved:
    """A resolver session on the conflicted files; what it leaves is proved like any other combination."""
    subtask, worktree = context.plan.subtask(attempt.subtask), context.merge_worktree
    await context.rooms.open(worktree, head)
    conflicts = await lay_out_conflict(context.repository, worktree, head, attempt.commit or head)
    theirs = await diff_text(context.repository, attempt.base, attempt.commit or head)
    request = context.request(
        CallKind.RESOLVE,
        context.agents["resolver"],
        tier,
        prompt=resolver_prompt(subtask=subtask, worktree=worktree, conflicts=conflicts, theirs=theirs),
        schema=schema_of(ResolveAnswer),
        worktree=worktree,
        subtask=subtask.id,
        attempt=attempt.n,
        write_scope=tuple(conflicts),
    )
    result = await context.desk.run(request, subtask.task_class)
    left = await unresolved(worktree, conflicts)
    answer = ResolveAnswer.model_validate(result.output) if result.output else None
    if answer is None or answer.status != "resolved" or left:
        why = f"unresolved: {printable(', '.join(left))}" if left else "the resolver could not finish"
        return Resolved(None, f"merge conflict, {why}", tuple(map(printable, conflicts)))
    message = _message(subtask, attempt)
    ref = context.scratch_ref(f"{attempt.subtask}/{attempt.n}-resolved")
    commit = await commit_all(context.repository, worktree, message, trailers=trailers(context, attempt), ref=ref)
    await context.rooms.leave(worktree)
    return Resolved(commit or head)


async def _tip(context: RunContext, *allowed: str) -> str | None:
    """Where the run's branch is; None before the first merge."""
    tip = await ref_value(context.repository, f"refs/heads/{context.branch}")
    if tip is None or tip in allowed:
        return tip
    raise EnvironmentError_(
        f"branch {context.branch} was moved by somebody else: it is at {tip}, the run left it at {allowed[0]}",
        hint=f"put it back with: git branch -f {context.branch} {allowed[0]}",
    )


def _message(subtask: Subtask, attempt: Attempt) -> str:
    return f"{subtask.title}\n\n{attempt.summary}".strip()


def trailers(context: RunContext, attempt: Attempt) -> dict[str, str]:
    """Where a commit comes from and what its subtask has cost so far, explorers and failed attempts included."""
    calls = context.ledger.calls(context.run_id, subtask=attempt.subtask)
    return {
        "Agentflow-Run": context.run_id,
        "Agentflow-Subtask": attempt.subtask,
        "Agentflow-Tier": attempt.tier.value,
        "Agentflow-Model": attempt.model,
        **({"Agentflow-Proof": attempt.proof.words} if attempt.proof else {}),
        "Agentflow-Cost-USD": f"{sum(call.cost_usd or 0.0 for call in calls):.4f}",
    }
