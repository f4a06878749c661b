"""The steps of the merge queue: one commit per subtask onto the run's branch, proved before the branch moves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from agentflow.checks.comparison import tests_of
from agentflow.checks.covering import covers
from agentflow.checks.evidence import judge, known_failures, note
from agentflow.checks.numbering import is_numbered, taken_twice
from agentflow.checks.promises import brought, gained_tests, not_standing
from agentflow.config.answers import ResolveAnswer, schema_of
from agentflow.domain.attempts import Attempt, Outcome, Verdict
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import CheckResult, Evidence
from agentflow.domain.plans import Subtask
from agentflow.domain.text import printable
from agentflow.domain.tiers import Tier
from agentflow.git.commits import changes, commit_all, diff_text, is_ancestor
from agentflow.git.merging import Conflicted, lay_out_conflict, squash_onto, unresolved
from agentflow.git.run_refs import own_commits
from agentflow.git.sides import LostSide, binaries, lost_sides
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Car, Resolved, Squashed, TrainOrder
from agentflow.workflows.prompts import resolver_prompt


async def squash(context: RunContext, order: TrainOrder) -> Squashed:
    """Make the train's commits, one per attempt, each on the one before. No ref moves.

    An attempt that conflicts with those before it waits for the next train; where all conflict with the head itself,
    the first is to be resolved. One that takes a number which is taken on the branch is left out and named.
    """
    cars, conflicts, clashes = list[Car](), tuple[str, ...](), dict[str, str]()
    for attempt in order.attempts:
        head = cars[-1].commit if cars else order.head
        if clash := await _clash(context, attempt, head):
            clashes[attempt.subtask] = clash
            continue
        commit, message = attempt.commit or head, _message(context.plan.subtask(attempt.subtask), attempt)
        base, ref = await _base(context, attempt, head), context.scratch_ref(f"{attempt.subtask}/{attempt.n}-merged")
        squashed = await squash_onto(
            context.repository, head, commit, message, trailers(context, attempt), base, ref=ref
        )
        if isinstance(squashed, Conflicted):
            conflicts = conflicts or tuple(map(printable, squashed.paths))
        else:
            cars.append(Car(attempt, squashed.commit))
    begun = [car.attempt for car in cars] or [a for a in order.attempts if a.subtask not in clashes][:1]
    for attempt in [*begun, *(a for a in order.attempts if a.subtask in clashes)]:
        context.emit(EventKind.MERGE_STARTED, attempt.subtask, attempt.n)
    return Squashed(tuple(cars), () if cars else conflicts, clashes)


async def _base(context: RunContext, attempt: Attempt, head: str) -> str | None:
    """What the attempt changed, where git would not find it: commits of the run's that somebody has rewritten."""
    known = attempt.commit is None or await is_ancestor(context.repository, attempt.base, head)
    return None if known else attempt.base


async def _clash(context: RunContext, attempt: Attempt, head: str) -> str:
    """What the attempt numbers as others have numbered something else meanwhile; empty where it does not."""
    mine = await _added(context, attempt.base, attempt.commit or attempt.base)
    if not any(map(is_numbered, mine)):
        return ""
    twice = taken_twice(mine, await _added(context, attempt.base, head))
    return "; ".join(f"{printable(path)} takes the number of {printable(other)}" for path, other in twice)


async def _added(context: RunContext, base: str, commit: str) -> list[str]:
    return [change.path for change in await changes(context.repository, base, commit) if change.status == "A"]


async def prove(context: RunContext, head: str, cars: tuple[Car, ...], others: tuple[Car, ...] = ()) -> Verdict:
    """Judge the train's last commit by the run's own checks and by what its subtasks promised; `others` promised too.

    A promised check is not run by itself where the run's own checks cover it.
    """
    last = cars[-1]
    label = (last.attempt.subtask, last.attempt.n)
    return await stands(context, head, last.commit, (*others, *cars), label=label)


async def stands(
    context: RunContext,
    head: str,
    commit: str,
    cars: Sequence[Car],
    *,
    label: tuple[str, int] = ("-", 0),
    drops: Collection[str] = (),
) -> Verdict:
    """Whether a combination proves the sum: nothing fails that did not at `head`, and all that these showed stands."""
    promised = promises(context, [car.attempt.subtask for car in cars])
    judged = partial(_judged, context, head, commit, promised, label, (*drops, *dropped(context)))
    whole = await judged(context.checks)
    if not whole.passed:
        return whole
    shown = await context.prover.known(commit, context.checks)
    verdict = await judged((*context.checks, *await uncovered(context, shown, cars)))
    if not verdict.passed:
        return verdict
    seen = await context.prover.known(commit, (*context.checks, *promised))
    return await unkept(context, seen, cars) or verdict


async def _judged(
    context: RunContext,
    head: str,
    commit: str,
    promised: Collection[str],
    label: tuple[str, int],
    drops: Collection[str],
    commands: Sequence[str],
) -> Verdict:
    """What these commands show on a commit, beside what is known of the head."""
    before, stated = await context.prover.known(head, commands), [c for c in commands if c in promised]
    after = await context.prover.prove(commit, commands, label, known_failures(before, stated))
    return judge(before, after, stated, await changes(context.repository, head, commit), drops=drops)


def dropped(context: RunContext) -> tuple[str, ...]:
    """The tests that the plan lets vanish."""
    return tuple(test for subtask in context.plan.subtasks for test in subtask.drops_tests)


async def unkept(context: RunContext, now: Evidence, cars: Sequence[Car]) -> Verdict | None:
    """What was green in an attempt and is not in `now`, as far as what ran there tells; None where all of it is."""
    for car in cars:
        own = await _own_tests(context, car.attempt)
        same = [result for result in now.results if result.command in own]
        lost = [test for result in same for test in not_standing(own[result.command], result, dropped(context))]
        if lost:
            what = note(lost, "test that was green is not", "tests that were green are not")
            reason = f"what {car.attempt.subtask} showed does not stand: {what}"
            digest = "\n".join(["Green in its own attempt and not on the branch:", *lost[:40]])
            return Verdict(Outcome.CHECKS_FAILED, printable(reason), printable(digest))
    return None


async def _own_tests(context: RunContext, attempt: Attempt) -> Mapping[str, CheckResult]:
    """By command, the tests that an attempt brought or promised and that were green in it."""
    promised = context.plan.subtask(attempt.subtask).checks
    base, after = await _shown(context, attempt)
    return brought(base, after, promised)


async def _shown(context: RunContext, attempt: Attempt) -> tuple[Evidence, Evidence]:
    """What is known of the attempt's base and of its commit."""
    commands = (*context.plan.subtask(attempt.subtask).checks, *context.checks)
    base = await context.prover.known(attempt.base, commands)
    return base, await context.prover.known(attempt.commit or attempt.base, commands)


def landed_cars(context: RunContext) -> tuple[Car, ...]:
    """The last commit of every subtask that has landed, as the ledger has it."""
    made = {(a.subtask, a.n): a for a in context.ledger.attempts(context.run_id) if a.outcome is Outcome.PASSED}
    last = {subtask: attempt for (subtask, _), attempt in made.items()}
    rows = context.ledger.subtasks(context.run_id)
    return tuple(Car(last[row.id], row.commit) for row in rows if row.commit and row.id in last)


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


async def resolve(context: RunContext, attempt: Attempt, head: str, tier: Tier, earlier: str) -> Resolved:
    """A resolver session on the conflicted files; what it leaves is proved like any other combination.

    `earlier` is why a resolver before could not. Nobody is asked about files that no text merge can join.
    """
    subtask, worktree = context.plan.subtask(attempt.subtask), context.merge_worktree
    commit, base = attempt.commit or head, await _base(context, attempt, head)
    await context.rooms.open(worktree, head)
    conflicts = await lay_out_conflict(context.repository, worktree, head, commit, base)
    if binary := await binaries(context.repository, (attempt.base, head, commit), conflicts):
        kept = f"the branch's is in {head[:12]}, the subtask's in {commit[:12]}"
        why = f"merge conflict in what no text merge can join: {printable(', '.join(binary))}; {kept}"
        return Resolved(None, why, tuple(map(printable, conflicts)))
    theirs = await diff_text(context.repository, attempt.base, commit)
    request = context.request(
        CallKind.RESOLVE,
        context.agents["resolver"],
        tier,
        prompt=resolver_prompt(subtask=subtask, worktree=worktree, conflicts=conflicts, theirs=theirs, earlier=earlier),
        schema=schema_of(ResolveAnswer),
        worktree=worktree,
        subtask=subtask.id,
        attempt=attempt.n,
        write_scope=tuple(conflicts),
    )
    async with context.watch.over(f"the resolver of {subtask.id}"):
        result = await context.desk.run(request, subtask.task_class)
    left = await unresolved(worktree, conflicts)
    answer = ResolveAnswer.model_validate(result.output) if result.output else None
    if answer is None or answer.status != "resolved" or left:
        why = f"unresolved: {printable(', '.join(left))}" if left else "the resolver could not finish"
        return Resolved(None, f"merge conflict, {why}", tuple(map(printable, conflicts)))
    message = _message(subtask, attempt)
    ref = context.scratch_ref(f"{attempt.subtask}/{attempt.n}-resolved")
    made = await commit_all(context.repository, worktree, message, trailers=trailers(context, attempt), ref=ref)
    await context.rooms.leave(worktree)
    if made is None:
        why = "merge conflict, resolved by leaving all of the subtask's change out"
        return Resolved(None, why, tuple(map(printable, conflicts)))
    lost = await lost_sides(context.repository, attempt.base, head, commit, made, conflicts)
    return Resolved(made, conflicts=tuple(map(printable, conflicts)), lost=await _losers(context, attempt, head, lost))


async def _losers(context: RunContext, attempt: Attempt, head: str, lost: Sequence[LostSide]) -> dict[str, str]:
    """By subtask, the files in which a resolution leaves nothing of its change; "" is who is no subtask."""
    others = await met_by(context, attempt, head, [side.path for side in lost if side.ours])
    files = dict[str, list[str]]()
    for side in lost:
        for name in ([car.attempt.subtask for car in others] or [""]) if side.ours else [attempt.subtask]:
            files.setdefault(name, []).append(printable(side.path))
    return {name: ", ".join(paths) for name, paths in files.items()}


async def met_by(context: RunContext, attempt: Attempt, head: str, paths: Collection[str]) -> tuple[Car, ...]:
    """Landed since the attempt began, and changing one of these files."""
    repository, cars = context.repository, {car.attempt.subtask: car for car in landed_cars(context)}
    since = await own_commits(repository, context.run_id, attempt.base, head)
    touching = [
        o.subtask for o in since if {c.path for c in await changes(repository, f"{o.commit}^", o.commit)} & {*paths}
    ]
    return tuple(cars[name] for name in dict.fromkeys(touching) if name in cars)


async def vouch(context: RunContext, head: str, car: Car, others: tuple[Car, ...], lost: dict[str, str]) -> Verdict:
    """Whether tests approve of what a resolution leaves out: all that both sides showed stands without it."""
    verdict = await prove(context, head, (car,), others)
    if not verdict.passed:
        return verdict
    commands = (*promises(context, [c.attempt.subtask for c in (*others, car)]), *context.checks)
    shown = await context.prover.known(car.commit, commands)
    green = {test for result in shown.results for test in tests_of(result).passed}
    attempts = {one.attempt.subtask: one.attempt for one in (*others, car)}
    for name, files in lost.items():
        told = f"a conflict was resolved so that nothing is left of what {name or 'somebody else'} changed in {files}"
        known = await _shown(context, attempts[name]) if name in attempts else (Evidence(""), Evidence(""))
        gained = gained_tests(*known, context.plan.subtask(name).checks) if name in attempts else frozenset()
        if not gained or not gained <= green:
            return Verdict(Outcome.CHECKS_FAILED, f"{told}, and no test approves of it")
        context.emit(EventKind.NOTICE, name, message=f"{told}; its tests pass all the same")
    return verdict


def _message(subtask: Subtask, attempt: Attempt) -> str:
    """Without lines that look like agentflow's own: a commit is known by them."""
    said = "\n".join(line for line in attempt.summary.splitlines() if "Agentflow-" not in line)
    return f"{subtask.title}\n\n{said}".strip()


def trailers(context: RunContext, attempt: Attempt) -> dict[str, str]:
    """Where a commit comes from and what its subtask has cost so far, explorers and failed attempts included."""
    calls = context.ledger.calls(context.run_id, subtask=attempt.subtask)
    return {
        "Agentflow-Run": context.run_id,
        "Agentflow-Subtask": attempt.subtask,
        "Agentflow-Attempt": str(attempt.n),
        "Agentflow-Tier": attempt.tier.value,
        "Agentflow-Model": attempt.model,
        **({"Agentflow-Proof": attempt.proof.words} if attempt.proof else {}),
        "Agentflow-Cost-USD": f"{sum(call.cost_usd or 0.0 for call in calls):.4f}",
    }
