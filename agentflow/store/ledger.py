"""The ledger: everything agentflow knows about its runs, in one database.

Each method is one transaction. Several threads and processes may use the same file. Any method may raise StoreError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, Text, cast, select

from agentflow.config.paths import ledger_path
from agentflow.domain.attempts import Attempt, Outcome, Wall
from agentflow.domain.calls import CallKind, Label, Request
from agentflow.domain.events import Event, EventKind
from agentflow.domain.findings import ReviewedFinding
from agentflow.store import calls, events, findings, runs, schema
from agentflow.store.database import open_file, reading, writing
from agentflow.store.records import CallRecord, Cost, RunRecord, SubtaskRecord
from agentflow.store.upsert import upsert


def open_ledger(path: Path | None = None) -> Ledger:
    """The ledger in this file (default: the user's own), created on first use.

    Raises StoreError when it is damaged, cannot be written, or belongs to a newer agentflow.
    """
    engine = open_file(path or ledger_path())
    try:
        _bring_up_to_date(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine)


def _bring_up_to_date(engine: Engine) -> None:
    with reading(engine) as connection:
        current = schema.stored_version(connection) == schema.newest_version()
    if not current:
        with writing(engine) as connection:
            schema.upgrade(connection)


class Ledger:
    """Open with `open_ledger`, close with `close()` or `with`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    # Runs

    def create_run(self, run: RunRecord) -> None:
        with writing(self._engine) as connection:
            runs.create(connection, run)

    def update_run(self, run_id: str, **fields: Any) -> None:
        """Change fields of RunRecord. Giving `pid` also notes which process has that number now."""
        with writing(self._engine) as connection:
            runs.change(connection, run_id, fields)

    def run(self, run_id: str) -> RunRecord:
        """The run with this id or unique beginning of one. Raises UsageError with near names."""
        with reading(self._engine) as connection:
            return runs.find(connection, run_id)

    def spec(self, run_id: str) -> Mapping[str, Any]:
        """The run's `spec` alone, without what else its row holds. Raises UsageError."""
        with reading(self._engine) as connection:
            found: Mapping[str, Any] = runs.value(connection, run_id, schema.runs.c.spec)
            return found

    def plan_text(self, run_id: str) -> str | None:
        """The run's encoded plan as it is stored, so that nobody need decode it twice. Raises UsageError."""
        with reading(self._engine) as connection:
            found: str | None = runs.value(connection, run_id, cast(schema.runs.c.plan, Text))
            return found

    def runs(self, common_dir: Path | None = None, limit: int = 50) -> list[RunRecord]:
        """Newest first, of one repository or of all."""
        with reading(self._engine) as connection:
            return runs.latest(connection, common_dir, limit)

    def latest_unfinished(self, common_dir: Path) -> RunRecord | None:
        """The repository's newest run without a final verdict, live or not."""
        with reading(self._engine) as connection:
            return runs.latest_unfinished(connection, common_dir)

    def newest_by_repository(self) -> list[RunRecord]:
        """Of every repository that has runs the newest one, newest first."""
        with reading(self._engine) as connection:
            return runs.newest_by_repository(connection)

    def move_runs(self, old: Path, root: Path, new: Path) -> None:
        """The repository with the git directory `old` is at `root` now, its git directory `new`."""
        with writing(self._engine) as connection:
            runs.move(connection, old, root, new)

    def ended_before(self, common_dir: Path, when: float) -> list[str]:
        """Ids of the repository's runs that came to a verdict before a time."""
        with reading(self._engine) as connection:
            return runs.ended_before(connection, common_dir, when)

    def delete_run(self, run_id: str) -> None:
        """Forget the run and everything that belongs to it."""
        with writing(self._engine) as connection:
            runs.remove(connection, run_id)

    # Subtasks and attempts

    def put_subtask(self, run_id: str, subtask: SubtaskRecord) -> None:
        """Write or overwrite."""
        self.put_subtasks(run_id, [subtask])

    def put_subtasks(self, run_id: str, subtasks: Iterable[SubtaskRecord]) -> None:
        """Write or overwrite, all of them or none."""
        with writing(self._engine) as connection:
            for subtask in subtasks:
                runs.put_subtask(connection, run_id, subtask)

    def subtasks(self, run_id: str) -> list[SubtaskRecord]:
        """In plan order."""
        with reading(self._engine) as connection:
            return runs.subtasks(connection, run_id)

    def put_attempt(self, run_id: str, attempt: Attempt, started_at: float) -> None:
        """Write or overwrite the subtask's attempt `n`: a repeated step does no harm."""
        with writing(self._engine) as connection:
            runs.put_attempt(connection, run_id, attempt, started_at)

    def revise_attempt(self, run_id: str, subtask: str, n: int, *, outcome: Outcome, reason: str) -> None:
        """Change the verdict: what was green alone can be red on the combination."""
        with writing(self._engine) as connection:
            runs.revise_attempt(connection, (run_id, subtask, n), outcome, reason)

    def put_wall(self, run_id: str, subtask: str, n: int, wall: Wall) -> None:
        """Say what came of the wall that the subtask's attempt `n` met."""
        with writing(self._engine) as connection:
            runs.put_wall(connection, (run_id, subtask, n), wall)

    def attempts(self, run_id: str, *, subtask: str | None = None) -> list[Attempt]:
        """Of the run or of one subtask, in the order they were started."""
        with reading(self._engine) as connection:
            return runs.attempts(connection, run_id, subtask)

    # Calls

    def start_call(self, run_id: str, label: Label, kind: CallKind, *, runner: str, model: str, task_class: str) -> int:
        """Open a session's row before its first request; returns the call's id."""
        purpose = {"kind": kind, "runner": runner, "requested_model": model, "task_class": task_class}
        with writing(self._engine) as connection:
            return calls.start(connection, run_id, label, purpose)

    def add_request(self, call_id: int, request: Request) -> None:
        """Book an answered request at once, so that a killed process loses nothing that was paid.

        A request served by another model than before opens a sibling row: one row per served model.
        """
        with writing(self._engine) as connection:
            calls.add_request(connection, call_id, request)

    def finish_call(
        self,
        call_id: int,
        *,
        session_id: str | None,
        cli_cost_usd: float | None,
        ttft_s: float | None,
        duration_s: float | None,
        outcome: str,
    ) -> None:
        figures = {"cli_cost_usd": cli_cost_usd, "ttft_s": ttft_s, "duration_s": duration_s}
        with writing(self._engine) as connection:
            calls.finish(connection, call_id, session_id, outcome, figures)

    def calls(self, run_id: str, *, subtask: str | None = None) -> list[CallRecord]:
        """Of the run or of one subtask, in the order they were opened."""
        with reading(self._engine) as connection:
            return calls.of_run(connection, run_id, subtask)

    def calls_since(self, moment: float, common_dir: Path | None = None) -> list[CallRecord]:
        """Calls started at or after the moment, of one repository's runs, reviews and sessions or of all."""
        with reading(self._engine) as connection:
            return calls.since(connection, moment, common_dir)

    def put_session(self, session: RunRecord, moment: float, session_calls: Sequence[CallRecord]) -> None:
        """Write a person's own session, its calls in place of those from the moment on. Repeating it does no harm."""
        with writing(self._engine) as connection:
            runs.put_session(connection, session)
            calls.put_interactive(connection, session.id, moment, session_calls)

    def session_costs(self, kind: CallKind, model: str, limit: int = 200) -> list[float]:
        """What the latest sessions of this kind on this model cost, USD, in any run."""
        with reading(self._engine) as connection:
            return calls.costs_of_sessions(connection, kind, model, limit)

    def run_cost(self, run_id: str) -> Cost:
        with reading(self._engine) as connection:
            return calls.cost_of(calls.of_run(connection, run_id))

    # Findings

    def put_findings(self, run_id: str, reviewed: Sequence[ReviewedFinding]) -> None:
        """Write all findings of a review, in this order; those written before are gone."""
        with writing(self._engine) as connection:
            findings.put(connection, run_id, reviewed)

    def findings(self, run_id: str) -> list[ReviewedFinding]:
        """In the order they were written."""
        with reading(self._engine) as connection:
            return findings.of_run(connection, run_id)

    # Events

    def emit(self, run_id: str, event: Event) -> None:
        """Append; the ledger gives the id, and the time unless the event has one."""
        with writing(self._engine) as connection:
            events.emit(connection, run_id, event)

    def events(self, run_id: str, after: int = 0, kind: EventKind | None = None) -> list[Event]:
        """Events with an id above `after`, of one kind or of all, oldest first."""
        with reading(self._engine) as connection:
            return events.of_run(connection, run_id, after, kind)

    def run_estimate(self, run_id: str) -> float:
        """USD that requests of the run are taken for whose usage was not told; they are in no cost."""
        told = (event.data.get("estimate_usd") for event in self.events(run_id, kind=EventKind.REQUEST_FINISHED))
        return fsum(usd for usd in told if usd)

    # Cache

    def cache_get(self, kind: str, key: str) -> Any:
        """The JSON value stored under kind and key, None when there is none or it cannot be read."""
        found = select(schema.cache.c.value).where(schema.cache.c.kind == kind, schema.cache.c.key == key)
        with reading(self._engine) as connection:
            try:
                return connection.execute(found).scalar_one_or_none()
            except ValueError:
                return None

    def cache_put(self, kind: str, key: str, value: Any) -> None:
        """Store or replace a JSON value. A key that begins with `<run id>:` goes away with its run."""
        with writing(self._engine) as connection:
            upsert(connection, schema.cache, {"kind": kind, "key": key, "value": value})
