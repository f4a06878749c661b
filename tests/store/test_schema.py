from __future__ import annotations

import pytest
from sqlalchemy import create_engine, insert, inspect, select, text, update

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


def test_the_schema_can_be_written_for_postgresql():
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    statements = [
        str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in schema.metadata.sorted_tables
    ]
    assert all(statement.strip().startswith("CREATE TABLE") for statement in statements)
