"""Where a run stands, on one short screen."""

from __future__ import annotations

import time

from agentflow.config.paths import detached_log
from agentflow.domain.attempts import RunStatus
from agentflow.report.figures import dollars, duration, spent
from agentflow.report.row import Row
from agentflow.report.rows import climb_text, glyph
from agentflow.report.term import safe
from agentflow.report.view import RunView
from agentflow.store.ledger import Ledger
from agentflow.store.processes import is_live, present_status
from agentflow.store.records import RunRecord


def status_text(ledger: Ledger, run: RunRecord) -> str:
    """State, cost, a line for every subtask and for every session under way beside them, and what to do next."""
    view = RunView(run.id)
    for event in ledger.events(run.id):
        view.apply(event)
    word = "starting" if is_starting(run) else present_status(run).value
    beside = [row for row in view.sessions.values() if row.active and word == RunStatus.RUNNING]
    lines = [
        f"{word}: {safe(run.goal)}",
        _facts(ledger, run, view),
        *([f"reason: {safe(run.reason)}"] if run.reason else _stillborn(run)),
        *(_line(row) for row in (*view.subtasks.values(), *beside)),
        *(f"next: {command}" for command in _next(run)),
    ]
    return "\n".join(lines)


def is_starting(run: RunRecord) -> bool:
    """Whether a process has been given the run and has not taken it up yet."""
    return run.status is not RunStatus.RUNNING and is_live(run)


def _stillborn(run: RunRecord) -> list[str]:
    """Where a process that was given the run and never took it up has said why."""
    log = detached_log(run.id)
    never_begun = run.status is RunStatus.PLANNED and not is_live(run)
    return [f"it has not begun; the reason is in {safe(str(log))}"] if never_begun and log.is_file() else []


def _facts(ledger: Ledger, run: RunRecord, view: RunView) -> str:
    cost = ledger.run_cost(run.id)
    budget = f" of {dollars(run.budget_usd)}" if run.budget_usd is not None else ""
    seconds = run.active_s or (time.time() - view.started_at if view.started_at else 0)
    progress = view.progress if view.started_at else ()
    return ", ".join([f"run {run.id}", *progress, duration(seconds), spent(cost.usd, cost.unpriced_calls) + budget])


def _line(row: Row) -> str:
    needs = f"needs {', '.join(row.depends_on)}" if row.state == "waiting" and row.depends_on else row.activity
    tiers = climb_text(row) if row.finished or not row.tier else " → ".join(filter(None, (climb_text(row), row.tier)))
    facts = (row.fate, tiers, needs, row.reason if row.state not in ("merged", "working") else "")
    return f"{glyph(row.state)} {safe(row.title)}: {', '.join(safe(fact) for fact in facts if fact)}"


def _next(run: RunRecord) -> list[str]:
    status = present_status(run)
    if is_live(run):
        return [f"agentflow watch {run.id}"]
    if status not in (RunStatus.SUCCEEDED, RunStatus.FAILED):
        return [f"agentflow resume {run.id}"]
    if run.workflow == "plan" and status is RunStatus.SUCCEEDED:
        return [f"agentflow run --plan {run.id}"]
    if run.workflow == "run" and run.head:
        return [f"agentflow diff {run.id}", f"agentflow apply {run.id}"]
    return [f"agentflow runs show {run.id}"]
