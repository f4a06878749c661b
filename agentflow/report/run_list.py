"""Runs as a table, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.report.figures import aligned, counted, spent
from agentflow.report.term import safe


def run_list(entries: Sequence[Mapping[str, Any]], *, repositories: bool) -> str:
    """Entries of a `runs/1` document for people; with the repository of each when they are from several."""
    head = ("run", "kind", "status", "result", "cost", *(("repository",) if repositories else ()), "goal")
    rows = [_cells(entry, repositories=repositories) for entry in entries]
    return "\n".join(aligned([head, *rows], left=(0, 1, 2, 3, 5, 6)))


def _cells(entry: Mapping[str, Any], *, repositories: bool) -> tuple[str, ...]:
    place = (safe(entry["repository"]),) if repositories else ()
    result = [f"{entry['merged']}/{entry['subtasks']} merged"] if entry["subtasks"] else []
    result += [counted(entry["findings"], "finding")] if entry["findings"] is not None else []
    cost = spent(entry["cost_usd"] or 0.0, entry["unpriced_calls"])
    return (entry["run_id"], entry["workflow"], entry["status"], ", ".join(result), cost, *place, safe(entry["goal"]))
