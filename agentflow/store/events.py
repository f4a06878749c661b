"""Events of a run, in the order they happened."""

from __future__ import annotations

import time

from sqlalchemy import Connection, RowMapping, insert, select

from agentflow.domain.events import Event, EventKind
from agentflow.store.schema import events as table


def emit(connection: Connection, run_id: str, event: Event) -> None:
    connection.execute(
        insert(table).values(
            run_id=run_id,
            kind=event.kind,
            subtask=event.subtask,
            attempt=event.attempt,
            agent=event.agent,
            tier=event.tier,
            data=dict(event.data),
            at=event.at or time.time(),
        )
    )


def of_run(connection: Connection, run_id: str, after: int, kind: EventKind | None = None) -> list[Event]:
    """Events with an id above `after`, of one kind or of all."""
    query = select(table).where(table.c.run_id == run_id, table.c.id > after).order_by(table.c.id)
    query = query if kind is None else query.where(table.c.kind == kind)
    return [_event(row) for row in connection.execute(query).mappings()]


def _event(row: RowMapping) -> Event:
    columns = {name: value for name, value in row.items() if name != "run_id"}
    return Event(**{**columns, "kind": EventKind(row["kind"])})
