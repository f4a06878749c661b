"""Runs, their subtasks and their attempts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, func, insert, select, tuple_, update

from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus, Wall
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import CheckResult, Proof
from agentflow.domain.tiers import Tier
from agentflow.errors import StoreError, UsageError
from agentflow.store import schema
from agentflow.store.processes import process_mark
from agentflow.store.records import SESSION, RunRecord, SubtaskRecord
from agentflow.store.upsert import upsert

UNFINISHED = (RunStatus.PLANNED, RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.INTERRUPTED)
#: A person's own sessions are none of them.
_IS_RUN = schema.runs.c.workflow != SESSION
_RUNS = select(schema.runs).where(_IS_RUN)


def create(connection: Connection, run: RunRecord) -> None:
    columns = {field.name: getattr(run, field.name) for field in fields(run)}
    connection.execute(insert(schema.runs).values(**_with_mark(columns)))


def put_session(connection: Connection, session: RunRecord) -> None:
    """Write or overwrite a person's own session."""
    upsert(connection, schema.runs, {field.name: getattr(session, field.name) for field in fields(session)})


def change(connection: Connection, run_id: str, columns: Mapping[str, Any]) -> None:
    changed = connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(**_with_mark(columns)))
    if not changed.rowcount:
        raise StoreError(f"run {run_id!r} is no longer in the ledger", hint="see `agentflow runs list --all`")


def find(connection: Connection, run_id: str) -> RunRecord:
    """The run with this id, or the only one whose id starts so."""
    exact = connection.execute(_RUNS.where(schema.runs.c.id == run_id)).mappings().first()
    if exact:
        return _run(exact)
    starts = _RUNS.where(schema.runs.c.id.startswith(run_id, autoescape=True)).limit(2)
    found = connection.execute(starts).mappings().all() if run_id else []
    if len(found) == 1:
        return _run(found[0])
    raise UsageError(f"{'more than one' if found else 'no'} run {run_id!r}", hint=_advice(connection, run_id))


def value(connection: Connection, run_id: str, column: ColumnElement[Any]) -> Any:
    """One column of the run with exactly this id."""
    row = connection.execute(select(column).where(schema.runs.c.id == run_id)).first()
    if row is None:
        raise UsageError(f"no run {run_id!r}", hint=_advice(connection, run_id))
    return row[0]


def latest(connection: Connection, common_dir: Path | None, limit: int) -> list[RunRecord]:
    """Newest first; of every repository when `common_dir` is None."""
    return [_run(row) for row in connection.execute(_newest_first(common_dir).limit(limit)).mappings()]


def latest_unfinished(connection: Connection, common_dir: Path) -> RunRecord | None:
    unfinished = _newest_first(common_dir).where(schema.runs.c.status.in_(UNFINISHED)).limit(1)
    row = connection.execute(unfinished).mappings().first()
    return _run(row) if row else None


def newest_by_repository(connection: Connection) -> list[RunRecord]:
    columns = schema.runs.c
    newest = select(columns.common_dir, func.max(columns.created_at).label("at")).where(_IS_RUN)
    last = newest.group_by(columns.common_dir).subquery()
    same = (columns.common_dir == last.c.common_dir) & (columns.created_at == last.c.at)
    query = select(schema.runs).join(last, same).where(_IS_RUN).order_by(columns.created_at.desc())
    return [_run(row) for row in connection.execute(query).mappings()]


def move(connection: Connection, old: Path, root: Path, new: Path) -> None:
    mine = schema.runs.c.common_dir == str(old)
    connection.execute(update(schema.runs).where(mine).values(repo_root=str(root), common_dir=str(new)))


def ended_before(connection: Connection, common_dir: Path, when: float) -> list[str]:
    table = schema.runs
    over = table.c.status.notin_(UNFINISHED) & (table.c.finished_at < when)
    ids = select(table.c.id).where(table.c.common_dir == str(common_dir), over)
    return list(connection.execute(ids).scalars())


def remove(connection: Connection, run_id: str) -> None:
    for table in (schema.subtasks, schema.attempts, schema.calls, schema.events, schema.findings):
        connection.execute(delete(table).where(table.c.run_id == run_id))
    connection.execute(delete(schema.cache).where(schema.cache.c.key.startswith(f"{run_id}:", autoescape=True)))
    connection.execute(delete(schema.runs).where(schema.runs.c.id == run_id))


def put_subtask(connection: Connection, run_id: str, subtask: SubtaskRecord) -> None:
    upsert(connection, schema.subtasks, {"run_id": run_id, **asdict(subtask)})


def subtasks(connection: Connection, run_id: str) -> list[SubtaskRecord]:
    query = select(schema.subtasks).where(schema.subtasks.c.run_id == run_id).order_by(schema.subtasks.c.position)
    return [_subtask(row) for row in connection.execute(query).mappings()]


def put_attempt(connection: Connection, run_id: str, attempt: Attempt, started_at: float) -> None:
    columns = {field.name: getattr(attempt, field.name) for field in fields(attempt)}
    encoded = {"checks": [encode(check) for check in attempt.checks], "wall": attempt.wall and encode(attempt.wall)}
    upsert(connection, schema.attempts, {**columns, **encoded, "run_id": run_id, "started_at": started_at})


def revise_attempt(connection: Connection, key: tuple[str, str, int], outcome: Outcome, reason: str) -> None:
    table = schema.attempts
    mine = tuple_(table.c.run_id, table.c.subtask, table.c.n) == tuple_(*key)
    connection.execute(update(table).where(mine).values(outcome=outcome, reason=reason, proof=None))


def put_wall(connection: Connection, key: tuple[str, str, int], wall: Wall) -> None:
    table = schema.attempts
    mine = tuple_(table.c.run_id, table.c.subtask, table.c.n) == tuple_(*key)
    connection.execute(update(table).where(mine).values(wall=encode(wall)))


def attempts(connection: Connection, run_id: str, subtask: str | None = None) -> list[Attempt]:
    """In the order they were started; of one subtask, or of all."""
    table = schema.attempts
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.started_at, table.c.subtask, table.c.n)
    query = query if subtask is None else query.where(table.c.subtask == subtask)
    return [_attempt(row) for row in connection.execute(query).mappings()]


def _with_mark(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Beside a process's number its mark: see `process_mark`."""
    pid = columns.get("pid")
    mark = {"pid_mark": process_mark(pid) if pid is not None else None} if "pid" in columns else {}
    return {**columns, **mark}


def _newest_first(common_dir: Path | None) -> Select[Any]:
    query = _RUNS.order_by(schema.runs.c.created_at.desc(), schema.runs.c.id.desc())
    return query if common_dir is None else query.where(schema.runs.c.common_dir == str(common_dir))


def _advice(connection: Connection, run_id: str) -> str:
    recent = select(schema.runs.c.id).where(_IS_RUN).order_by(schema.runs.c.created_at.desc()).limit(200)
    ids = connection.execute(recent).scalars().all()
    near = [i for i in ids if run_id and i.startswith(run_id)] or difflib.get_close_matches(run_id, ids)
    return f"did you mean {' or '.join(near[:3])}?" if near else "see `agentflow runs list --all`"


def _run(row: RowMapping) -> RunRecord:
    paths = {name: Path(row[name]) for name in ("repo_root", "common_dir")}
    return RunRecord(**{**row, **paths, "status": RunStatus(row["status"])})


def _subtask(row: RowMapping) -> SubtaskRecord:
    columns = {name: value for name, value in row.items() if name != "run_id"}
    tier = Tier(row["tier"]) if row["tier"] else None
    return SubtaskRecord(**{**columns, "status": SubtaskStatus(row["status"]), "tier": tier})


def _attempt(row: RowMapping) -> Attempt:
    columns = {field.name: row[field.name] for field in fields(Attempt)}
    proof = None if row["proof"] is None else Proof(row["proof"])
    words = {"tier": Tier(row["tier"]), "outcome": Outcome(row["outcome"]), "proof": proof}
    wall = None if row["wall"] is None else decode(Wall, row["wall"])
    checks = tuple(decode(CheckResult, check) for check in row["checks"])
    return Attempt(**{**columns, **words, "checks": checks, "wall": wall})
