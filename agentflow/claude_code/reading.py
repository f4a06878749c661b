"""What hooks read from the ledger: with the standard library, read-only, and never waiting for long.

A ledger that is missing, locked, damaged or of another shape is one that says nothing.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.claude_code import places

#: Seconds to wait for a locked ledger.
PATIENCE_S = 0.2

_TODAY = "SELECT SUM(cost_usd) FROM calls WHERE started_at >= ?"
_UNFINISHED = """
    SELECT id, goal, status FROM runs
    WHERE common_dir = ? AND workflow = 'run' AND status IN ('planned', 'running', 'stopped', 'interrupted')
    ORDER BY created_at DESC LIMIT 1
"""
_NEWEST = """
    SELECT runs.status, runs.workflow, COUNT(subtasks.id), COALESCE(SUM(subtasks.status = 'merged'), 0)
    FROM runs LEFT JOIN subtasks ON subtasks.run_id = runs.id
    WHERE runs.id = (
        SELECT id FROM runs WHERE common_dir = ?1 AND workflow <> 'session' ORDER BY created_at DESC LIMIT 1
    )
    AND COALESCE(runs.finished_at, ?2) >= ?2 - 86400
    GROUP BY runs.id
"""


@dataclass(frozen=True, slots=True)
class NewestRun:
    """How far the newest run of a repository is; `subtasks` is 0 before there is a plan."""

    status: str
    workflow: str
    subtasks: int
    merged: int


def spent_today() -> float | None:
    """USD of all calls since local midnight, a call counting for the day it started on; None when nobody knows."""
    now = time.localtime()
    midnight = time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1))
    row = _first(_TODAY, midnight)
    return None if row is None else float(row[0] or 0.0)


def unfinished_run(root: str) -> tuple[str, str, str] | None:
    """Id, goal and status of the newest run of this repository that can be resumed."""
    row = _first(_UNFINISHED, _common_dir(root))
    return (str(row[0]), str(row[1]), str(row[2])) if row else None


def newest_run(root: str) -> NewestRun | None:
    """The newest run or review of this repository, unless it ended more than a day ago."""
    row = _first(_NEWEST, _common_dir(root), time.time())
    return NewestRun(*row) if row else None


def _common_dir(root: str) -> str:
    try:
        return places.common_dir(root)
    except OSError:
        return ""


def _first(query: str, *values: object) -> Any:
    """The first row, None when there is none or the ledger says nothing."""
    address = f"{Path(places.ledger_path()).as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=PATIENCE_S)) as connection:
            return connection.execute(query, values).fetchone()
    except sqlite3.Error:
        return None
