"""What was spent: runs, reviews and a person's own sessions together, by the days of this machine's time zone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from agentflow.domain.calls import Grouping
from agentflow.errors import UsageError
from agentflow.report.bill import Usage, table, usage_of
from agentflow.report.documents import sum_entry
from agentflow.report.term import safe
from agentflow.store.ledger import Ledger
from agentflow.store.records import CallRecord


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of a local day until now."""

    name: str
    since: date

    @property
    def moment(self) -> float:
        """Unix seconds of its first midnight, whatever the clock was set to since."""
        return time.mktime((*self.since.timetuple()[:3], 0, 0, 0, 0, 0, -1))


def usual_periods(today: date) -> tuple[Period, ...]:
    return Period("today", today), period("7d", today)


def period(text: str, today: date) -> Period:
    """`today`, `7d` (today and the six days before) or `YYYY-MM-DD`; raises UsageError on anything else."""
    if text == "today":
        return Period("today", today)
    if text.endswith("d") and text[:-1].isdecimal() and 1 <= int(text[:-1]) <= 3650:
        days = int(text[:-1])
        return Period(f"last {days} days" if days > 1 else "today", today - timedelta(days=days - 1))
    try:
        since = date.fromisoformat(text)
        return Period(f"since {since.isoformat()}", since)
    except ValueError:
        raise UsageError(f"--since {text!r} is no day", hint="give today, 7d or a date such as 2026-01-31") from None


@dataclass(frozen=True, slots=True)
class Spending:
    """A period's sums by group, and all together."""

    period: Period
    groups: dict[str, Usage]
    total: Usage


def spendings(ledger: Ledger, periods: Sequence[Period], by: Grouping, repository: Path | None) -> list[Spending]:
    """What was spent in each period, in one repository (by its git directory) or in all."""
    calls = ledger.calls_since(min(one.moment for one in periods), repository)
    within = [(one, _within(one, calls)) for one in periods]
    return [Spending(one, _groups(mine, by), usage_of(mine)) for one, mine in within]


def cost_document(some: Sequence[Spending], by: Grouping, repository: Path | None) -> dict[str, Any]:
    """`agentflow/cost/1`."""
    return {
        "schema": "agentflow/cost/1",
        "repository": None if repository is None else str(repository),
        "by": by.value,
        "periods": [_period_entry(spending) for spending in some],
    }


def cost_text(some: Sequence[Spending], by: Grouping) -> str:
    """The same for people, a table for each period in which something was spent."""
    return "\n\n".join("\n".join(_lines(spending, by)) for spending in some)


def _lines(spending: Spending, by: Grouping) -> list[str]:
    if not spending.groups:
        return [f"{spending.period.name}: nothing spent"]
    groups = {safe(name): usage for name, usage in spending.groups.items()}
    return [f"{spending.period.name}:", *table(by.value, groups, spending.total)]


def _period_entry(spending: Spending) -> dict[str, Any]:
    return {
        "name": spending.period.name,
        "since": datetime.fromtimestamp(spending.period.moment).astimezone().isoformat(timespec="seconds"),
        "groups": [{"name": name, **sum_entry(usage)} for name, usage in spending.groups.items()],
        "total": sum_entry(spending.total),
    }


def _within(one: Period, calls: Iterable[CallRecord]) -> list[CallRecord]:
    return [call for call in calls if call.started_at >= one.moment and call.requests]


def _groups(calls: Sequence[CallRecord], by: Grouping) -> dict[str, Usage]:
    """Days in their order, anything else by cost, the dearest first."""
    some: dict[str, list[CallRecord]] = {}
    for call in calls:
        some.setdefault(_NAMES[by](call), []).append(call)
    sums = {name: usage_of(group) for name, group in some.items()}
    order = sorted(sums) if by is Grouping.DAY else sorted(sums, key=lambda name: (-sums[name].cost.usd, name))
    return {name: sums[name] for name in order}


def _day(call: CallRecord) -> str:
    return datetime.fromtimestamp(call.started_at).astimezone().date().isoformat()


#: A call's name in each grouping.
_NAMES: dict[Grouping, Callable[[CallRecord], str]] = {
    Grouping.MODEL: lambda call: call.served_model or call.requested_model,
    Grouping.AGENT: lambda call: call.agent,
    Grouping.KIND: lambda call: call.kind.value,
    Grouping.TASK: lambda call: call.task_class,
    Grouping.DAY: _day,
    Grouping.RUN: lambda call: call.run_id,
}
