"""One train, read top to bottom: squashed onto the run's head, proved once, bisected when red; or a conflict resolved.

What the branch rests on is proved in three layers, so that the runs of checks grow with the number of subtasks and not
with its square. Every train is proved on its last commit, with the run's own checks and what its subtasks promised:
each command passes, and every test that was green in the subtask's own attempt is green here.
What earlier subtasks promised is judged there as far as the run's own checks cover it (`checks/covering.py`). All that
was ever promised is proved on the last head, before the run ends (`standing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agentflow.domain.attempts import Attempt, Outcome, Verdict
from agentflow.domain.codec import decode, encode
from agentflow.domain.tiers import Tier
from agentflow.workflows import branch, finishing, merging
from agentflow.workflows.engine import context_of, durable, step
from agentflow.workflows.orders import Car, Merge, Met, Resolved, Squashed, Train, TrainOrder

_CLASH = "{}, which came onto the run's branch meanwhile: it needs the next free number, and so does what refers to it"


@durable
async def merge_train(ordered: dict[str, Any]) -> Any:
    """Carry out a `TrainOrder`; runs beside the attempts, one at a time. Returns the encoded `Train`."""
    order = decode(TrainOrder, ordered)
    met = await step(order.run, f"meet the branch before {order.name}", Met, branch.meet, order.head)
    order = replace(order, head=met.head)
    squashed = await step(order.run, f"squash {order.name}", Squashed, merging.squash, order)
    merges = dict[str, Merge]()
    if squashed.cars:
        merges = await _drive(order, squashed.cars)
    elif squashed.conflicts:
        merges = await _resolve(order, _first_in_conflict(order, squashed), squashed.conflicts)
    clashed = {
        name: Merge(order.head, merged=False, reason=_CLASH.format(why)) for name, why in squashed.clashes.items()
    }
    return encode(await _reported(order, {**merges, **clashed}, met))


def _first_in_conflict(order: TrainOrder, squashed: Squashed) -> Attempt:
    return next(attempt for attempt in order.attempts if attempt.subtask not in squashed.clashes)


async def _drive(order: TrainOrder, cars: Sequence[Car], others: tuple[Car, ...] = ()) -> dict[str, Merge]:
    """The longest green beginning lands; the attempt that turns it red goes back, those behind it wait.

    `others` landed before and met one of these in a conflict: what they promised is proved here too.
    """
    green, red, verdict = 0, len(cars), await _verdict(order, cars, others)
    if verdict.passed:
        green = red
    while red - green > 1:
        middle = (green + red) // 2
        tried = await _verdict(order, cars[:middle], others)
        if tried.passed:
            green = middle
        else:
            red, verdict = middle, tried
    if green:
        await step(order.run, f"land {order.name}", bool, branch.land, cars[green - 1].commit)
    merges = {car.attempt.subtask: Merge(car.commit, merged=True) for car in cars[:green]}
    for guilty in cars[green:red]:
        head = cars[green - 1].commit if green else order.head
        reason = f"green alone, red on the run's branch: {verdict.reason}"
        merges[guilty.attempt.subtask] = Merge(head, merged=False, reason=reason, digest=verdict.digest)
    return merges


async def _verdict(order: TrainOrder, cars: Sequence[Car], others: tuple[Car, ...]) -> Verdict:
    name = f"prove {order.name} as far as {cars[-1].attempt.subtask}"
    return await step(order.run, name, Verdict, merging.prove, order.head, tuple(cars), others)


async def _resolve(order: TrainOrder, attempt: Attempt, conflicts: tuple[str, ...]) -> dict[str, Merge]:
    """Up the resolver's ladder; what one of them leaves is a train of its own, unless it leaves a side out."""
    reason, name = f"conflicts with the branch in {', '.join(conflicts)}", f"{attempt.subtask}/{attempt.n}"
    lost = Merge(order.head, merged=False, reason=reason, conflicts=conflicts)
    others = await step(order.run, f"meet of {name}", tuple[Car, ...], merging.met_by, attempt, order.head, conflicts)
    earlier = ""
    for tier in context_of(order.run).agents["resolver"].ladder:
        tried = await step(
            order.run, f"resolve {name} {tier}", Resolved, merging.resolve, attempt, order.head, tier, earlier
        )
        if tried.commit is not None:
            car = Car(attempt, tried.commit)
            verdict = await _vouched(order, car, others, tried, tier)
            if verdict.passed:
                return await _drive(order, [car], others)
            tried = replace(tried, reason=verdict.reason)
        earlier = tried.reason
        lost = Merge(order.head, merged=False, reason=tried.reason, conflicts=tried.conflicts)
    return {attempt.subtask: lost}


async def _vouched(order: TrainOrder, car: Car, others: tuple[Car, ...], tried: Resolved, tier: Tier) -> Verdict:
    if not tried.lost:
        return Verdict(Outcome.PASSED)
    name = f"vouch for {car.attempt.subtask}/{car.attempt.n} {tier}"
    return await step(order.run, name, Verdict, merging.vouch, order.head, car, others, tried.lost)


async def _reported(order: TrainOrder, merges: dict[str, Merge], met: Met) -> Train:
    for attempt in (attempt for attempt in order.attempts if attempt.subtask in merges):
        name = f"report merge {attempt.subtask}/{attempt.n}"
        await step(order.run, name, bool, finishing.report_merge, attempt, merges[attempt.subtask])
    return Train(merges, met)
