"""Claude Code's status line: the model, the newest run of this repository, checks of a session, the day's cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.claude_code import compiled, places
from agentflow.claude_code.progress import running
from agentflow.claude_code.reading import NewestRun, newest_run, spent_today
from agentflow.domain.text import shown

#: Characters of a model's name.
LONGEST = 60


def line(given: dict[str, Any]) -> str:
    """One line for the JSON that Claude Code hands its `statusLine` command; what is not known is left out."""
    root = places.repository_root(_folder(given))
    run = newest_run(root) if root else None
    checks = running(root) if root else None
    money = _money(given, compiled.load(root)["day_budget_usd"])
    parts = (_model(given), _run(run) if run else "", _checks(checks) if checks else "", money)
    return " · ".join(part for part in parts if part)


def _folder(given: dict[str, Any]) -> str:
    workspace = given.get("workspace")
    current = workspace.get("current_dir") if isinstance(workspace, dict) else None
    return str(current or given.get("cwd") or ".")


def _model(given: dict[str, Any]) -> str:
    model = given.get("model")
    name = (model.get("display_name") or model.get("id")) if isinstance(model, dict) else None
    return shown(str(name or ""))[:LONGEST]


def _run(run: NewestRun) -> str:
    """`run running 2/5 merged`, `review succeeded`."""
    progress = f" {run.merged}/{run.subtasks} merged" if run.subtasks else ""
    return f"{shown(run.workflow)} {shown(run.status)}{progress}"


def _checks(now: Mapping[str, Any]) -> str:
    """`checking 12/40`, where the runner of the tests says how far it is."""
    tests = now.get("tests")
    return f"checking {now.get('done', 0)}/{tests}" if tests else "checking"


def _money(given: dict[str, Any], budget: float | None) -> str:
    """What the ledger knows of today; the session's own cost, as Claude Code counts it, where there is no ledger."""
    spent = spent_today()
    if spent is not None:
        return f"${spent:.2f}" + (f" of ${budget:.2f}" if budget else "") + " today"
    cost = given.get("cost")
    total = cost.get("total_cost_usd") if isinstance(cost, dict) else None
    return f"${total:.2f} this session" if isinstance(total, int | float) else ""
