"""Write a row, or overwrite the one with the same primary key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, columns: Mapping[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    key = [column.name for column in table.primary_key]
    others = {name: value for name, value in columns.items() if name not in key}
    statement = dialect.insert(table).values(**columns)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others))
