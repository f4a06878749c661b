from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from agentflow.domain.evidence import Proof
from agentflow.errors import StoreError
from agentflow.store import schema
from agentflow.store.database import open_file, writing
from agentflow.store.ledger import open_ledger

A_LATER_STEP = (("ALTER TABLE runs ADD COLUMN mood TEXT", "UPDATE runs SET mood = 'calm'"),)


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def test_an_empty_database_gets_all_tables_and_the_newest_version(connection):
    schema.upgrade(connection)
    assert set(inspect(connection).get_table_names()) == set(schema.metadata.tables)
    assert schema.stored_version(connection) == schema.newest_version()


def test_upgrading_twice_changes_nothing(connection):
    schema.upgrade(connection)
    schema.upgrade(connection)
    assert connection.execute(select(schema.versions.c.version)).scalars().all() == [schema.newest_version()]


def test_an_older_database_takes_the_missing_steps_once(connection):
    schema.upgrade(connection, ())
    schema.upgrade(connection, A_LATER_STEP)
    schema.upgrade(connection, A_LATER_STEP)
    assert schema.stored_version(connection) == 2
    assert "mood" in {column["name"] for column in inspect(connection).get_columns("runs")}


def test_a_newer_database_is_refused(connection):
    schema.upgrade(connection)
    connection.execute(update(schema.versions).values(version=99))
    with pytest.raises(StoreError, match="99") as caught:
        schema.upgrade(connection)
    assert "upgrade agentflow" in (caught.value.hint or "")


def test_a_ledger_of_a_newer_agentflow_is_refused_and_left_alone(path, ledger):
    engine = open_file(path)
    with writing(engine) as connection:
        connection.execute(update(schema.versions).values(version=99))
    engine.dispose()
    before = path.read_bytes()
    with pytest.raises(StoreError):
        open_ledger(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("given", "kept"), [("a\0b", "a\ufffdb"), ("a\udc80b", "a?b"), ("naïve ✓", "naïve ✓")])
def test_text_that_databases_refuse_is_made_plain(connection, given, kept):
    schema.upgrade(connection)
    row = {"run_id": "r", "id": "s", "position": 0, "title": given, "status": "waiting", "reason": ""}
    connection.execute(insert(schema.subtasks).values(row))
    assert connection.execute(text("SELECT title FROM subtasks")).scalar() == kept


@pytest.fixture
def first_ledger(path):
    """The file as the first agentflow wrote it, one row in every table."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "ledger-1.sql").read_text())
    return path


def test_a_ledger_of_the_first_version_is_upgraded_without_losing_a_row(first_ledger):
    before = rows_of(first_ledger)
    with open_ledger(first_ledger) as ledger:
        (run,) = ledger.runs()
        assert (run.goal, ledger.findings(run.id)) == ("refactor auth", [])
    after = rows_of(first_ledger)
    assert all(before.values())
    (passed,) = before["attempts"]
    *about, proven, checks, duration_s, started_at = passed
    assert proven == 1
    assert after == {
        **before,
        "schema_version": [(schema.newest_version(),)],
        "findings": [],
        "attempts": [(*about, checks, duration_s, "proven", started_at, None)],  # they met no wall,
    }


def test_old_attempts_keep_what_was_known_of_their_proof(first_ledger):
    changes = (("a", "passed", 0), ("b", "checks_failed", 1))
    with closing(sqlite3.connect(first_ledger)) as connection, connection:
        for name, outcome, proven in changes:
            connection.execute(
                'INSERT INTO attempts SELECT run_id, ?, n, tier, model, ?, rounds, reason, digest, base, "commit",'
                " summary, confidence, ?, checks, duration_s, started_at FROM attempts WHERE subtask = 'auth'",
                (name, outcome, proven),
            )
    with open_ledger(first_ledger) as ledger:
        (run,) = ledger.runs()
        proofs = {attempt.subtask: attempt.proof for attempt in ledger.attempts(run.id)}
    assert proofs == {"auth": Proof.PROVEN, "a": Proof.UNPROVEN, "b": None}


def test_an_upgraded_ledger_has_the_shape_of_a_new_one(first_ledger, tmp_path):
    open_ledger(first_ledger).close()
    open_ledger(tmp_path / "new.db").close()
    assert shape_of(first_ledger) == shape_of(tmp_path / "new.db")


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda dialect: dialect.name)
def test_the_upgrade_writes_the_findings_as_a_new_database_does(dialect):
    ((migration,), *_) = schema.MIGRATIONS
    now = str(CreateTable(schema.findings).compile(dialect=dialect))
    for added_since in ("line_hash TEXT DEFAULT '' NOT NULL,", "identity TEXT DEFAULT '' NOT NULL,", "answer JSON,"):
        now = now.replace(added_since, "")
    assert migration.split() == now.split()


def test_the_schema_can_be_written_for_postgresql():
    statements = [
        str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in schema.metadata.sorted_tables
    ]
    assert all(statement.strip().startswith("CREATE TABLE") for statement in statements)


def rows_of(path):
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'sqlite_sequence'")
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names.fetchall()}


def shape_of(path):
    engine = open_file(path)
    found = inspect(engine)
    shape = {
        name: (
            [{**column, "type": str(column["type"])} for column in found.get_columns(name)],
            found.get_pk_constraint(name),
            found.get_indexes(name),
        )
        for name in found.get_table_names()
    }
    engine.dispose()
    return shape
