"""SessionStart: what is good to know before anything happens here, one line each; and the sweep of old state."""

from __future__ import annotations

from typing import Any

from agentflow.claude_code import budget, places, sessions, sweeping
from agentflow.claude_code.reading import spent_today, unfinished_run
from agentflow.domain.text import shown

#: Characters of a broken configuration's message or of a goal that a session is told.
LONGEST = 300


def handle(event: dict[str, Any], rules: dict[str, Any]) -> str | None:
    """A broken configuration, an unfinished run of this repository, the day's money; None when there is none of it."""
    sweeping.sweep()
    root = places.repository_root(str(event.get("cwd") or "."))
    money = budget.line(rules, spent_today()) if rules["day_budget_usd"] else None
    lines = (_broken(rules["error"], str(event.get("session_id") or "")), _aside(rules), _unfinished(root), money)
    return "\n".join(line for line in lines if line) or None


def _broken(error: str, session_id: str) -> str | None:
    """A broken configuration, told once in a session."""
    if not error:
        return None
    with sessions.session(session_id) as state:
        known = state.get("error_told")
        state["error_told"] = error
    if known == error:
        return None
    first, *others = error.splitlines()
    more = f" (and {len(others)} more)" if others else ""
    return f"agentflow's configuration is broken, hooks go without it: {shown(first)[:LONGEST]}{more}"


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
