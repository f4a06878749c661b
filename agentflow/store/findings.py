"""Findings of a review, in the order they were given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from sqlalchemy import Connection, RowMapping, delete, insert, select

from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import Answer, Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.store.schema import findings as table

_FINDING = tuple(field.name for field in fields(Finding))
_FATE = tuple(field.name for field in fields(ReviewedFinding) if field.name != "finding")


def put(connection: Connection, run_id: str, findings: Sequence[ReviewedFinding]) -> None:
    """Replace all findings of the run."""
    connection.execute(delete(table).where(table.c.run_id == run_id))
    rows = [{"run_id": run_id, "n": n, **_columns(reviewed)} for n, reviewed in enumerate(findings, start=1)]
    if rows:
        connection.execute(insert(table), rows)


def of_run(connection: Connection, run_id: str) -> list[ReviewedFinding]:
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.n)
    return [_reviewed(row) for row in connection.execute(query).mappings()]


def _columns(reviewed: ReviewedFinding) -> dict[str, object]:
    claim = {name: getattr(reviewed.finding, name) for name in _FINDING}
    fate = {name: getattr(reviewed, name) for name in _FATE}
    return {**claim, **fate, "answer": encode(reviewed.answer)}


def _reviewed(row: RowMapping) -> ReviewedFinding:
    words = {"severity": Severity(row["severity"]), "category": Category(row["category"])}
    claim = {**{name: row[name] for name in _FINDING}, **words, "elsewhere": bool(row["elsewhere"])}
    told = {"verified": Verified(row["verified"]), "known": bool(row["known"]), "answer": _answer(row["answer"])}
    fate = {**{name: row[name] for name in _FATE}, **told}
    return ReviewedFinding(Finding(**claim), **fate)


def _answer(written: object) -> Answer | None:
    return None if written is None else decode(Answer, written)
