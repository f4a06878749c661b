"""Calls summed up: by tier, by kind, by attempt. Every sum of a run adds up to the run's cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agentflow.domain.calls import CallKind, Tokens
from agentflow.domain.tiers import Tier
from agentflow.report.figures import aligned, count, dollars, duration, shares, spent
from agentflow.store.calls import cost_of
from agentflow.store.records import CallRecord, Cost, RunRecord


@dataclass(frozen=True, slots=True)
class Usage:
    """What some calls used together."""

    calls: int
    tokens: Tokens
    cost: Cost


def usage_of(calls: Iterable[CallRecord]) -> Usage:
    some = list(calls)
    return Usage(len(some), sum((call.tokens for call in some), Tokens()), cost_of(some))


def grouped(calls: Iterable[CallRecord], key: Callable[[CallRecord], str], order: Iterable[str]) -> dict[str, Usage]:
    """Usage per key, in this order of keys; keys without a call are left out."""
    some = list(calls)
    by_key = {name: [call for call in some if key(call) == name] for name in order}
    return {name: usage_of(group) for name, group in by_key.items() if group}


def by_tier(calls: Iterable[CallRecord]) -> dict[str, Usage]:
    return grouped(calls, lambda call: call.tier.value, (tier.value for tier in Tier))


def by_kind(calls: Iterable[CallRecord]) -> dict[str, Usage]:
    return grouped(calls, lambda call: call.kind.value, (kind.value for kind in CallKind))


def spending(run: RunRecord, calls: Iterable[CallRecord]) -> str:
    """The run's id, its working time and what it spent of its budget."""
    cost = usage_of(calls).cost
    budget = f" of {dollars(run.budget_usd)}" if run.budget_usd is not None else ""
    return f"run {run.id}, {duration(run.active_s)}, {spent(cost.usd, cost.unpriced_calls)}{budget}"


def bill_lines(calls: Sequence[CallRecord]) -> list[str]:
    """The bill by tier and by kind; nothing without a call."""
    if not calls:
        return []
    total = usage_of(calls)
    return [*table("tier", by_tier(calls), total), "", *table("kind", by_kind(calls), total)]


def table(title: str, groups: dict[str, Usage], total: Usage) -> list[str]:
    """Lines of a cost table whose rounded rows add up to the rounded total."""
    rounded = shares([usage.cost.usd for usage in groups.values()], total.cost.usd)
    head = (title, "calls", "input", "output", "cached", "cost")
    rows = [_cells(name, usage, usd) for (name, usage), usd in zip(groups.items(), rounded, strict=True)]
    return aligned([head, *rows, _cells("total", total, total.cost.usd)], left=(0,))


def _cells(name: str, usage: Usage, usd: float) -> tuple[str, ...]:
    tokens = usage.tokens
    cached = count(tokens.cache_read + tokens.cache_write)
    cost = spent(usd, usage.cost.unpriced_calls)
    return name, str(usage.calls), count(tokens.input), count(tokens.output), cached, cost
