"""The ledger's tables, one schema for SQLite and PostgreSQL, and its version."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    insert,
    inspect,
    select,
    text,
    update,
)

from agentflow.config.secrecy import redact, redacted
from agentflow.errors import StoreError


class Exact(TypeDecorator[str]):
    """Ids, enums, paths and names of refs, without what a database refuses: NUL and surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        if value is None:
            return None
        return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class PlainText(Exact):
    """Text of any origin (a person's, a model's, a program's words), without secrets."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        text = super().process_bind_param(value, dialect)
        return text if text is None else redact(text)


class PlainData(TypeDecorator[Any]):
    """JSON data of any origin, without secrets."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        return redacted(value)


metadata = MetaData()

versions = Table("schema_version", metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", Exact, primary_key=True),
    Column("workflow", Exact, nullable=False),
    Column("repo_root", Exact, nullable=False),
    Column("common_dir", Exact, nullable=False),
    Column("goal", PlainText, nullable=False),
    Column("status", Exact, nullable=False),
    Column("base", Exact, nullable=False),
    Column("branch", Exact, nullable=False),
    Column("head", Exact),
    Column("budget_usd", Float),
    Column("spec", PlainData, nullable=False),
    Column("plan", PlainData),
    Column("reason", PlainText, nullable=False),
    Column("pid", Integer),
    Column("pid_mark", Exact),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("active_s", Float, nullable=False),
    Index("runs_by_repository", "common_dir", "created_at"),
)

subtasks = Table(
    "subtasks",
    metadata,
    Column("run_id", Exact, primary_key=True),
    Column("id", Exact, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("title", PlainText, nullable=False),
    Column("status", Exact, nullable=False),
    Column("tier", Exact),
    Column("commit", Exact),
    Column("reason", PlainText, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", Exact, primary_key=True),
    Column("subtask", Exact, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("tier", Exact, nullable=False),
    Column("model", Exact, nullable=False),
    Column("outcome", Exact, nullable=False),
    Column("rounds", Integer, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("digest", PlainText, nullable=False),
    Column("base", Exact, nullable=False),
    Column("commit", Exact),
    Column("summary", PlainText, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("checks", PlainData, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("proof", Exact),
    Column("started_at", Float, nullable=False),
    Column("wall", PlainData),
)

calls = Table(
    "calls",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Exact, nullable=False, index=True),
    Column("parent", Integer, index=True),
    Column("subtask", Exact, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("agent", Exact, nullable=False),
    Column("kind", Exact, nullable=False),
    Column("tier", Exact, nullable=False),
    Column("runner", Exact, nullable=False),
    Column("requested_model", Exact, nullable=False),
    Column("served_model", Exact),
    Column("session_id", Exact),
    Column("requests", Integer, nullable=False, default=0),
    Column("input_tokens", Integer, nullable=False, default=0),
    Column("output_tokens", Integer, nullable=False, default=0),
    Column("cache_read_tokens", Integer, nullable=False, default=0),
    Column("cache_write_5m_tokens", Integer, nullable=False, default=0),
    Column("cache_write_1h_tokens", Integer, nullable=False, default=0),
    Column("cost_usd", Float, default=0.0),
    Column("cli_cost_usd", Float),
    Column("ttft_s", Float),
    Column("duration_s", Float),
    Column("task_class", Exact, nullable=False),
    Column("outcome", Exact),
    Column("started_at", Float, nullable=False),
    Index("calls_by_start", "started_at"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Exact, nullable=False),
    Column("kind", Exact, nullable=False),
    Column("subtask", Exact, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("agent", Exact, nullable=False),
    Column("tier", Exact, nullable=False),
    Column("data", PlainData, nullable=False),
    Column("at", Float, nullable=False),
    Index("events_by_run", "run_id", "id"),
    sqlite_autoincrement=True,
)

findings = Table(
    "findings",
    metadata,
    Column("run_id", Exact, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", Exact, nullable=False),
    Column("file", Exact, nullable=False),
    Column("line", Integer, nullable=False),
    Column("end_line", Integer),
    Column("rule", PlainText, nullable=False),
    Column("title", PlainText, nullable=False),
    Column("message", PlainText, nullable=False),
    Column("severity", Exact, nullable=False),
    Column("category", Exact, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("evidence", PlainText, nullable=False),
    Column("suggestion", PlainText),
    Column("elsewhere", Integer, nullable=False),
    Column("verified", Exact, nullable=False),
    Column("agreement", Integer, nullable=False),
    Column("code", PlainText, nullable=False),
    Column("suppression", PlainText),
    Column("known", Integer, nullable=False),
    Column("line_hash", PlainText, nullable=False, server_default=""),
    Column("identity", PlainText, nullable=False, server_default=""),
    Column("answer", PlainData),
)

cache = Table(
    "cache",
    metadata,
    Column("kind", Exact, primary_key=True),
    Column("key", PlainText, primary_key=True),
    Column("value", PlainData),
)

_FINDINGS = """
CREATE TABLE findings (
    run_id TEXT NOT NULL, n INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    file TEXT NOT NULL, line INTEGER NOT NULL, end_line INTEGER,
    rule TEXT NOT NULL, title TEXT NOT NULL, message TEXT NOT NULL, severity TEXT NOT NULL, category TEXT NOT NULL,
    confidence FLOAT NOT NULL, evidence TEXT NOT NULL, suggestion TEXT, elsewhere INTEGER NOT NULL,
    verified TEXT NOT NULL, agreement INTEGER NOT NULL, code TEXT NOT NULL, suppression TEXT, known INTEGER NOT NULL,
    PRIMARY KEY (run_id, n)
)
"""

#: A new table, since not every SQLite that Python 3.11 comes with can drop a column.
_ATTEMPTS_WITH_PROOF = (
    """
CREATE TABLE attempts_with_proof (
    run_id TEXT NOT NULL, subtask TEXT NOT NULL, n INTEGER NOT NULL, tier TEXT NOT NULL, model TEXT NOT NULL,
    outcome TEXT NOT NULL, rounds INTEGER NOT NULL, reason TEXT NOT NULL, digest TEXT NOT NULL, base TEXT NOT NULL,
    "commit" TEXT, summary TEXT NOT NULL, confidence FLOAT NOT NULL, checks JSON NOT NULL, duration_s FLOAT NOT NULL,
    proof TEXT, started_at FLOAT NOT NULL,
    PRIMARY KEY (run_id, subtask, n)
)
""",
    """
INSERT INTO attempts_with_proof
SELECT run_id, subtask, n, tier, model, outcome, rounds, reason, digest, base, "commit", summary, confidence, checks,
    duration_s,
    CASE WHEN outcome <> 'passed' THEN NULL WHEN proven = 1 THEN 'proven' ELSE 'unproven' END,
    started_at
FROM attempts
""",
    "DROP TABLE attempts",
    "ALTER TABLE attempts_with_proof RENAME TO attempts",
)

#: Statements that bring version n to n + 1, in order from version 1, in words that SQLite and PostgreSQL share.
#: The tables above are always the newest shape.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_FINDINGS,),
    ("CREATE INDEX calls_by_start ON calls (started_at)",),
    _ATTEMPTS_WITH_PROOF,
    ("ALTER TABLE attempts ADD COLUMN wall JSON",),
    ("ALTER TABLE findings ADD COLUMN line_hash TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE findings ADD COLUMN identity TEXT NOT NULL DEFAULT ''",),
    ("ALTER TABLE findings ADD COLUMN answer JSON",),
)


def stored_version(connection: Connection) -> int:
    """The version of the tables in the database, 0 when there are none."""
    if not inspect(connection).has_table(versions.name):
        return 0
    return connection.execute(select(versions.c.version)).scalar_one_or_none() or 0


def newest_version(migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> int:
    return len(migrations) + 1


def upgrade(connection: Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Create the tables or bring them up to date, inside the caller's write transaction.

    Raises StoreError when they were written by a newer agentflow.
    """
    version, newest = stored_version(connection), newest_version(migrations)
    if version > newest:
        raise StoreError(
            f"the ledger has schema version {version}, this agentflow knows {newest}",
            hint="upgrade agentflow, or set AGENTFLOW_STATE_DIR to another folder",
        )
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(versions).values(version=newest))
        return
    for statement in (statement for step in migrations[version - 1 :] for statement in step):
        connection.execute(text(statement))
    connection.execute(update(versions).values(version=newest))
