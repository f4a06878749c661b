"""The last proof of a run: what every landed subtask promised holds on the head, or who broke it goes back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from agentflow.checks.evidence import judge
from agentflow.domain.attempts import Verdict
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import Evidence
from agentflow.domain.plans import Plan
from agentflow.git.run_refs import undone
from agentflow.workflows.context import RunContext
from agentflow.workflows.merging import uncovered, unkept
from agentflow.workflows.orders import Car, Merge, Standing

_LABEL = ("-", 0)


async def hold(context: RunContext, head: str, landed: Sequence[Car], merged: Collection[str]) -> Standing:
    """Prove on the head what each subtask in `merged` promised; `landed` are the run's commits, oldest first.

    A train is not proved with what earlier ones promised, since that would be as many runs as pairs of subtasks. Here
    each promise is proved once more; one that does not hold is bisected over the run's commits. Who broke it then
    promises it too, and goes back to its own ladder with what shows it. Who was given up for it is not asked again.
    """
    culprits: dict[str, list[str]] = {}
    commits: dict[str, Car] = {}
    for command in await _broken(context, head, landed, merged):
        car = await _first_red(context, landed, merged, command)
        if car.attempt.subtask in merged:
            culprits.setdefault(car.attempt.subtask, []).append(command)
            commits.setdefault(car.attempt.subtask, car)
    breaches = {
        guilty: await _breach(context, commits[guilty], landed, merged, commands)
        for guilty, commands in culprits.items()
    } | await _vanished(context, head, landed, merged)
    plan = context.plan
    for guilty, commands in culprits.items():
        plan = promising(plan, guilty, commands)
    if breaches:
        context.put_plan(plan)
    return Standing(plan, breaches)


async def _vanished(context: RunContext, head: str, landed: Sequence[Car], merged: Collection[str]) -> dict[str, Merge]:
    """Work of whose changes nothing is left on the head: told where checks speak for it, else it is worked on again."""
    last = {car.attempt.subtask: car for car in landed if car.attempt.subtask in merged}
    gone = set(await undone(context.repository, [car.commit for car in last.values()], head))
    breaches = {}
    for subtask, car in last.items():
        if car.commit in gone and not context.plan.subtask(subtask).checks:
            why = "merged, but later commits took it back, and no check of its own says that this may be"
            breaches[subtask] = Merge(car.commit, merged=False, reason=why)
        elif car.commit in gone:
            told = f"nothing is left of the work of {subtask}: later commits took it back; what it promised holds"
            context.emit(EventKind.NOTICE, subtask, car.attempt.n, message=told)
    return breaches


def promising(plan: Plan, guilty: str, commands: Sequence[str]) -> Plan:
    """The plan in which this subtask promises these commands too."""
    return replace(
        plan,
        subtasks=tuple(
            replace(subtask, checks=tuple(dict.fromkeys((*subtask.checks, *commands))))
            if subtask.id == guilty
            else subtask
            for subtask in plan.subtasks
        ),
    )


async def _broken(context: RunContext, head: str, landed: Sequence[Car], merged: Collection[str]) -> list[str]:
    owed = {car.attempt.subtask: car for car in landed if car.attempt.subtask in merged}
    whole = await context.prover.known(head, context.checks)
    promised = await uncovered(context, whole, list(owed.values()))
    return [command for command in promised if not (await _held(context, head, landed, merged, command)).passed]


async def _first_red(context: RunContext, landed: Sequence[Car], merged: Collection[str], command: str) -> Car:
    """The commit that turned a promise red, after the one that last made it."""
    plan = context.plan
    makers = (n for n, car in enumerate(landed) if car.attempt.subtask in merged)
    green = max(n for n in makers if command in plan.subtask(landed[n].attempt.subtask).checks)
    red = len(landed) - 1
    while red - green > 1:
        middle = (green + red) // 2
        held = await _held(context, landed[middle].commit, landed[: middle + 1], merged, command)
        green, red = (middle, red) if held.passed else (green, middle)
    return landed[red]


async def _held(
    context: RunContext, commit: str, landed: Sequence[Car], merged: Collection[str], command: str
) -> Verdict:
    """Whether a promised command passes on a commit, with every test that was green in those that promised it."""
    evidence = await context.prover.prove(commit, [command], _LABEL)
    verdict = _verdict(evidence, [command])
    if not verdict.passed:
        return verdict
    makers = {car.attempt.subtask: car for car in landed if car.attempt.subtask in merged}
    promised = [car for car in makers.values() if command in context.plan.subtask(car.attempt.subtask).checks]
    return await unkept(context, evidence, promised) or verdict


async def _breach(
    context: RunContext, guilty: Car, landed: Sequence[Car], merged: Collection[str], commands: Sequence[str]
) -> Merge:
    until = landed[: landed.index(guilty) + 1]
    verdicts = [await _held(context, guilty.commit, until, merged, command) for command in commands]
    verdict = next((verdict for verdict in verdicts if not verdict.passed), verdicts[0])
    subtasks = (s.id for s in context.plan.subtasks if set(commands) & set(s.checks) and s.id != guilty.attempt.subtask)
    reason = f"merged, but it breaks what {', '.join(subtasks) or 'it'} promised: {verdict.reason}"
    return Merge(guilty.commit, merged=False, reason=reason, digest=verdict.digest)


def _verdict(evidence: Evidence, commands: Collection[str]) -> Verdict:
    """Of these commands alone."""
    results = tuple(result for result in evidence.results if result.command in commands)
    return judge(None, replace(evidence, results=results), commands, ())
