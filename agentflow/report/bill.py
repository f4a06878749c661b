"""Calls summed up: by tier, by kind, by attempt. Every sum of a run adds up to the run's cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agentflow.domain.calls import Tokens
from agentflow.report.figures import aligned, count, shares, spent
from agentflow.store.calls import cost_of
from agentflow.store.records import CallRecord, Cost


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
