"""The ledger's file: opened durably, and its failures in words."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, IntegrityError

from agentflow.config.machine import make_folder, open_private
from agentflow.errors import EnvironmentError_, StoreError

_BUSY_S = 30.0
_HINTS = {
    "SQLITE_NOTADB": "move the file away to start a new ledger",
    "SQLITE_CORRUPT": "keep a copy, then try `sqlite3 ledger.db .recover`, or move the file away to start a new one",
    "SQLITE_BUSY": "another process holds it; wait for it or end it, then try again",
    "SQLITE_FULL": "free some disk space, then try again",
    "SQLITE_READONLY": "make the file and its folder writable",
    "SQLITE_CANTOPEN": "make the file and its folder readable and writable",
}


def open_file(path: Path) -> Engine:
    """An engine on a private SQLite file, made when missing.

    WAL lets other processes read while one writes; FULL makes each commit survive a power loss.
    """
    try:
        make_folder(path.parent)
        open_private(path).close()
    except (OSError, EnvironmentError_) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise StoreError(
            f"cannot open the ledger {path}: {why}", hint="set AGENTFLOW_STATE_DIR to a folder you own"
        ) from error
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are opened by _begin, not by the driver
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Wait here ourselves: SQLite refuses at once while another process makes, recovers or tidies up the same WAL.

    See "Sometimes Queries Return SQLITE_BUSY In WAL Mode" in https://sqlite.org/wal.html.
    """
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    """A writer takes the lock first: a reader that turns writer could fail half-way."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent snapshot. Raises StoreError, also for rows that cannot be understood."""
    with _in_words(engine):
        try:
            with engine.connect() as connection:
                yield connection
        except ValueError as error:
            raise StoreError(f"{_name(engine)} holds a value that cannot be read: {error}", hint=_damaged()) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One durable transaction: all of it or nothing. Raises StoreError."""
    with _in_words(engine), engine.connect().execution_options(writing=True) as connection, connection.begin():
        yield connection


@contextmanager
def _in_words(engine: Engine) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DatabaseError as error:
        raise StoreError(f"{_name(engine)}: {error.orig}", hint=_hint(error.orig)) from error


def _name(engine: Engine) -> str:
    return f"the ledger {engine.url.database}"


def _hint(error: Any) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return next((hint for prefix, hint in _HINTS.items() if name.startswith(prefix)), _damaged())


def _damaged() -> str:
    return _HINTS["SQLITE_CORRUPT"]
