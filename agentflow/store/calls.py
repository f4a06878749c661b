"""Calls: what was asked of which model, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import fields
from math import fsum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update

from agentflow.domain.calls import CallKind, Label, Request, Tokens
from agentflow.domain.tiers import Tier
from agentflow.store.records import CallRecord, Cost
from agentflow.store.schema import calls as table
from agentflow.store.schema import runs

_LABEL = ("run_id", "subtask", "attempt", "agent", "kind", "tier", "runner", "requested_model", "task_class")
_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
}


def start(connection: Connection, run_id: str, label: Label, purpose: dict[str, Any]) -> int:
    """Open a session's row; `purpose` holds kind, runner, requested_model and task_class."""
    who = {"subtask": label.subtask, "attempt": label.attempt, "agent": label.agent, "tier": label.tier}
    return _insert(connection, {"run_id": run_id, **who, **purpose, "started_at": time.time()})


def add_request(connection: Connection, call_id: int, request: Request) -> None:
    """Add the tokens and the cost of an answered request to the call's row for the model that served it."""
    tokens = {column: table.c[column] + getattr(request.tokens, name) for name, column in _TOKENS.items()}
    cost = None if request.cost_usd is None else table.c.cost_usd + request.cost_usd
    values = {**tokens, "served_model": request.model, "requests": table.c.requests + 1, "cost_usd": cost}
    row_id = _row_for(connection, call_id, request)
    connection.execute(update(table).where(table.c.id == row_id).values(**values))


def finish(connection: Connection, call_id: int, session_id: str | None, outcome: str, figures: dict[str, Any]) -> None:
    """Close all rows of the session; the session's own figures stand once, on its first row."""
    whole = or_(table.c.id == call_id, table.c.parent == call_id)
    connection.execute(update(table).where(whole).values(session_id=session_id, outcome=outcome))
    connection.execute(update(table).where(table.c.id == call_id).values(**figures))


def of_run(connection: Connection, run_id: str, subtask: str | None = None) -> list[CallRecord]:
    """In the order they were opened; of one subtask, or of all."""
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.id)
    query = query if subtask is None else query.where(table.c.subtask == subtask)
    return [_call(row) for row in connection.execute(query).mappings()]


def since(connection: Connection, moment: float, common_dir: Path | None) -> list[CallRecord]:
    """Calls of everything that was started at or after the moment, in one repository or in all."""
    query = select(table).where(table.c.started_at >= moment).order_by(table.c.id)
    if common_dir is not None:
        query = query.where(table.c.run_id.in_(select(runs.c.id).where(runs.c.common_dir == str(common_dir))))
    return [_call(row) for row in connection.execute(query).mappings()]


def put_interactive(connection: Connection, session_id: str, moment: float, calls: Sequence[CallRecord]) -> None:
    """Replace what is known of a person's own session from the moment on; the calls get ids of their own."""
    mine = (table.c.run_id == session_id, table.c.kind == CallKind.INTERACTIVE, table.c.started_at >= moment)
    connection.execute(delete(table).where(*mine))
    if calls:
        connection.execute(insert(table), [_columns(call) for call in calls])


def costs_of_sessions(connection: Connection, kind: CallKind, model: str, limit: int) -> list[float]:
    """USD of the latest ended sessions of this kind that asked for this model, those with a known price."""
    wanted = (table.c.kind == kind, table.c.requested_model == model, table.c.parent.is_(None))
    ended = (table.c.outcome.is_not(None), table.c.cost_usd.is_not(None), table.c.requests > 0)
    query = select(table.c.cost_usd).where(*wanted, *ended).order_by(table.c.id.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def cost_of(calls: Iterable[CallRecord]) -> Cost:
    """The sum of some calls."""
    costs = [call.cost_usd for call in calls]
    return Cost(fsum(cost for cost in costs if cost is not None), costs.count(None))


def _row_for(connection: Connection, call_id: int, request: Request) -> int:
    """The row that takes the request: unused, or of the same model and equally priced; else a new sibling."""
    query = select(table).where(or_(table.c.id == call_id, table.c.parent == call_id)).order_by(table.c.id)
    rows = connection.execute(query).mappings().all()
    for row in rows:
        same_price = (row["cost_usd"] is None) is (request.cost_usd is None)
        if row["served_model"] is None or (row["served_model"] == request.model and same_price):
            return int(row["id"])
    sibling = {name: rows[0][name] for name in _LABEL}
    return _insert(connection, {**sibling, "parent": call_id, "started_at": time.time()})


def _insert(connection: Connection, columns: dict[str, Any]) -> int:
    return int(connection.execute(insert(table).values(**columns).returning(table.c.id)).scalar_one())


def _columns(call: CallRecord) -> dict[str, Any]:
    columns = {field.name: getattr(call, field.name) for field in fields(call) if field.name not in {"id", "tokens"}}
    return columns | {column: getattr(call.tokens, name) for name, column in _TOKENS.items()}


def _call(row: RowMapping) -> CallRecord:
    columns = {name: value for name, value in row.items() if name not in _TOKENS.values()}
    tokens = Tokens(**{name: row[column] for name, column in _TOKENS.items()})
    words = {"kind": CallKind(row["kind"]), "tier": Tier(row["tier"])}
    return CallRecord(**{**columns, **words, "tokens": tokens})
