"""SessionStart: what is good to know before anything happens here, one line each; and the sweep of old state."""

from __future__ import annotations

from typing import Any

from agentflow.claude_code import budget, places, sweeping
from agentflow.claude_code.reading import spent_today, unfinished_run
from agentflow.domain.text import shown


def handle(event: dict[str, Any], rules: dict[str, Any]) -> str | None:
    """A router that stands aside, an unfinished run of this repository, the day's money; None for none of it."""
    sweeping.sweep()
    root = places.repository_root(str(event.get("cwd") or "."))
    money = budget.line(rules, spent_today()) if rules["day_budget_usd"] else None
    lines = (_aside(rules), _unfinished(root), money)
    return "\n".join(line for line in lines if line) or None


def _aside(rules: dict[str, Any]) -> str | None:
    if rules["router"] == "off" or not rules["rewriters"]:
        return None
    return f"agentflow's router changes nothing: {shown(rules['rewriters'][0])} has a hook for Agent of its own"


def _unfinished(root: str | None) -> str | None:
    run = unfinished_run(root) if root else None
    if run is None:
        return None
    run_id, goal, status = run
    return f"agentflow run {run_id} ({goal!r}) is unfinished here ({status}); to go on: agentflow resume {run_id}"
