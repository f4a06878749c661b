"""The plan as it is shown before anything of it is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from agentflow.domain.plans import Plan, Subtask
from agentflow.domain.tiers import Tier
from agentflow.report.figures import UNPRICED
from agentflow.report.term import safe

Range = tuple[float, float]


def render_plan(plan: Plan, tiers: Mapping[str, Tier], estimate: Mapping[str, Range]) -> str:
    """Numbered subtasks, dependencies first, with start tier and expected price in USD (low to high) by subtask id."""
    ordered = plan.in_order()
    numbers = {subtask.id: number for number, subtask in enumerate(ordered, 1)}
    lines = [f"plan: {safe(plan.summary)}", *(f"assuming: {safe(text)}" for text in plan.assumptions)]
    for subtask in ordered:
        lines += ["", *_subtask(subtask, numbers, tiers[subtask.id], estimate.get(subtask.id))]
    return "\n".join([*lines, "", f"expected cost: {_total([estimate.get(subtask.id) for subtask in ordered])}"])


def _subtask(subtask: Subtask, numbers: Mapping[str, int], tier: Tier, price: Range | None) -> Iterator[str]:
    number = numbers[subtask.id]
    yield f"{number:>2}. {safe(subtask.title)} ({safe(subtask.id)})"
    yield f"    {safe(subtask.agent)} from {tier.value}, {subtask.complexity.value}, {_range(price)}"
    if subtask.depends_on:
        yield f"    after: {', '.join(str(numbers[needed]) for needed in subtask.depends_on)}"
    yield f"    files: {', '.join(map(safe, subtask.files))}"
    yield f"    checks: {'; '.join(map(safe, subtask.checks)) or 'those of the repository'}"
    if subtask.changes_tests:
        yield f"    changes what these tests hold: {', '.join(map(safe, subtask.changes_tests))}"
    if subtask.drops_tests:
        yield f"    these tests may vanish: {', '.join(map(safe, subtask.drops_tests))}"


def _total(prices: Sequence[Range | None]) -> str:
    known = [price for price in prices if price is not None and price[1]]
    unpriced = len(prices) - len(known)
    told = [_range((fsum(low for low, _ in known), fsum(high for _, high in known)))] if known else []
    return " + ".join([*told, *([f"{unpriced} {UNPRICED}"] if unpriced else [])])


def _range(price: Range | None) -> str:
    """Two decimals: an expectation, not a bill. A tier without a known price costs not nothing but an unknown sum."""
    return f"${price[0]:.2f} to ${price[1]:.2f}" if price and price[1] else UNPRICED
