"""One train, read top to bottom: squashed onto the run's head, proved once, bisected when red; or a conflict resolved.

What the branch rests on is proved in three layers, so that the runs of checks grow with the number of subtasks and not
with its square. Every train is proved on its last commit, with the run's own checks and what its subtasks promised.
What earlier subtasks promised is judged there as far as the run's own checks cover it (`checks/covering.py`). All that
was ever promised is proved on the last head, before the run ends (`standing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentflow.domain.attempts import Attempt, Verdict
from agentflow.domain.codec import decode, encode
from agentflow.workflows import finishing, merging
from agentflow.workflows.engine import context_of, durable, step
from agentflow.workflows.orders import Car, Merge, Resolved, Squashed, Train, TrainOrder


@durable
async def merge_train(ordered: dict[str, Any]) -> Any:
    """Carry out a `TrainOrder`; runs beside the attempts, one at a time. Returns the encoded `Train`."""
    order = decode(TrainOrder, ordered)
    squashed = await step(order.run, f"squash {order.name}", Squashed, merging.squash, order)
    if squashed.cars:
        return encode(await _drive(order, squashed.cars))
    return encode(await _resolve(order, order.attempts[0], squashed.conflicts))


async def _drive(order: TrainOrder, cars: Sequence[Car]) -> Train:
    """The longest green beginning lands; the attempt that turns it red goes back, those behind it wait."""
    green, red, verdict = 0, len(cars), await _verdict(order, cars)
    if verdict.passed:
        green = red
    while red - green > 1:
        middle = (green + red) // 2
        tried = await _verdict(order, cars[:middle])
        if tried.passed:
            green = middle
        else:
            red, verdict = middle, tried
    if green:
        await step(order.run, f"land {order.name}", bool, merging.land, order.head, cars[green - 1].commit)
    merges = {car.attempt.subtask: Merge(car.commit, merged=True) for car in cars[:green]}
    for guilty in cars[green:red]:
        head = cars[green - 1].commit if green else order.head
        reason = f"green alone, red on the run's branch: {verdict.reason}"
        merges[guilty.attempt.subtask] = Merge(head, merged=False, reason=reason, digest=verdict.digest)
    return await _reported(order, merges)


async def _verdict(order: TrainOrder, cars: Sequence[Car]) -> Verdict:
    name = f"prove {order.name} as far as {cars[-1].attempt.subtask}"
    return await step(order.run, name, Verdict, merging.prove, order.head, tuple(cars))


async def _resolve(order: TrainOrder, attempt: Attempt, conflicts: tuple[str, ...]) -> Train:
    """Up the resolver's ladder; what one of them leaves is a train of its own."""
    reason = f"conflicts with the branch in {', '.join(conflicts)}"
    lost = Merge(order.head, merged=False, reason=reason, conflicts=conflicts)
    for tier in context_of(order.run).agents["resolver"].ladder:
        name = f"resolve {attempt.subtask}/{attempt.n} {tier}"
        tried = await step(order.run, name, Resolved, merging.resolve, attempt, order.head, tier)
        if tried.commit is not None:
            return await _drive(order, [Car(attempt, tried.commit)])
        lost = Merge(order.head, merged=False, reason=tried.reason, conflicts=tried.conflicts)
    return await _reported(order, {attempt.subtask: lost})


async def _reported(order: TrainOrder, merges: dict[str, Merge]) -> Train:
    for attempt in (attempt for attempt in order.attempts if attempt.subtask in merges):
        name = f"report merge {attempt.subtask}/{attempt.n}"
        await step(order.run, name, bool, finishing.report_merge, attempt, merges[attempt.subtask])
    return Train(merges)
