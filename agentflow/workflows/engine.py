"""The durable engine: one SQLite file, one lock and one process per run; every step named and recorded once."""

from __future__ import annotations

import fcntl
import io
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from threading import Thread
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowHandle
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event

from agentflow.config.machine import is_alive, open_private
from agentflow.config.secrecy import RedactingFormatter, redact
from agentflow.domain.codec import decode, encode
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError
from agentflow.workflows.context import RunContext

P = ParamSpec("P")
T = TypeVar("T")

#: Constant: the default, a hash of the sources, would strand unfinished runs at every upgrade.
WORKFLOW_VERSION = "agentflow-wf1"
APPLICATION = "agentflow"
POLL_S = 0.1
#: The queue of runs and of their merges: a workflow without one is recorded as failed when it is cancelled.
RUNS = "runs"
#: A queue is polled whether anything is on it or not: five, each ten times a second, took a sixth of a core.
QUEUE_POLL_S = 0.3
#: How often, 20 ms apart, the file of a held lock is read for the name of its holder.
HOLDER_READS = 100

#: SQLite from here on has milliseconds in `unixepoch`; Debian 12 has an older one.
_KNOWS_SUBSEC = (3, 42)

_contexts: dict[str, RunContext] = {}


def context_of(run_id: str) -> RunContext:
    """The context of a run this process works on."""
    return _contexts[run_id]


def durable(workflow: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Coroutine[Any, Any, Any]]:
    """A workflow of a run, given as its id or as data with the key `run`.

    The engine would keep a failure for ever. So a bug in the workflow itself closes the gate, as one in a step does.
    """

    @wraps(workflow)
    async def unfailing(given: Any) -> Any:
        gate = context_of(given if isinstance(given, str) else given["run"]).gate
        return await gate.around(workflow, given)

    return DBOS.workflow(max_recovery_attempts=1000)(unfailing)


async def step(
    run_id: str,
    name: str,
    returns: type[T],
    work: Callable[Concatenate[RunContext, P], Awaitable[T]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Do a piece of work once: its result is recorded, and read back when the run is resumed.

    `name` must hold whatever tells this step from its siblings, so that a replay can never mistake one for another.
    """
    context = context_of(run_id)

    async def recorded() -> Any:
        return encode(await context.gate.through(work, context, *args, **kwargs))

    return decode(returns, await DBOS.run_step_async({"name": name, "preemptible": True}, recorded))


class Engine:
    """The running engine of one run; a context manager. The run's lock must be held around it."""

    def __init__(self, context: RunContext, limits: Mapping[Tier, int]) -> None:
        self._context = context
        self._limits = limits

    def __enter__(self) -> Self:
        _contexts[self._context.run_id] = self._context
        database = _new_or_old_database(self._context.folder / "engine.db")
        _log_to(self._context.folder / "engine.log")
        _register_queues(database, self._limits)
        DBOS(config=_config(database, self._context.run_id))
        DBOS.launch()
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel what is running. Nothing of it is recorded: the run stays resumable."""
        self._context.gate.shut()
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _contexts.pop(self._context.run_id, None)

    def start(self, name: str, workflow: Callable[[str], Coroutine[Any, Any, Any]]) -> Future[Any]:
        """Start a workflow of this run, unless an earlier process has done so. The future holds its result."""
        workflow_id = f"{self._context.run_id}/{name}"
        if DBOS.get_workflow_status(workflow_id) is None:
            with SetWorkflowID(workflow_id):
                DBOS.enqueue_workflow(RUNS, workflow, self._context.run_id)
        result: Future[Any] = Future()
        # A daemon, since a run that is stopped never gives a result.
        Thread(target=_fetch, args=(DBOS.retrieve_workflow(workflow_id), result), daemon=True).start()
        return result

    def is_over(self, result: Future[Any]) -> bool:
        """Whether there is a result, or the gate is closed and nothing is inside any more."""
        gate = self._context.gate
        return result.done() if gate.reason is None else gate.busy == 0

    def result(self, result: Future[Any]) -> Any:
        """The workflow's result; raises what closed the gate."""
        if (reason := self._context.gate.reason) is not None:
            raise reason
        return result.result()


def _fetch(started: WorkflowHandle[Any], result: Future[Any]) -> None:
    try:
        result.set_result(started.get_result(polling_interval_sec=POLL_S))
    except Exception as error:  # noqa: BLE001  it belongs to whoever asks for the result
        result.set_exception(error)


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """One process works on a run, and the lock's file names it. Raises UsageError when another one does."""
    with open_private(folder / "lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{_holder(folder / 'lock')} is working on run {folder.name}"
            raise UsageError(message, hint=f"watch it: agentflow watch {folder.name}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n".encode())
        lock.flush()
        yield


def _holder(lock: Path) -> str:
    """Who holds the lock. In its first moments the file is empty, or still names the process before."""
    for _ in range(HOLDER_READS):
        pid = lock.read_text(encoding="ascii").strip()
        if pid.isdigit() and is_alive(int(pid)):
            return f"process {pid}"
        time.sleep(0.02)
    return "another process"


def _new_or_old_database(file: Path) -> str:
    """The address of the engine's database, with its tables in place."""
    open_private(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # before the engine opens it: it halves the time of a step
    connection.close()
    if sqlite3.sqlite_version_info < _KNOWS_SUBSEC and not event.contains(SqlEngine, "connect", _teach_subsec):
        event.listen(SqlEngine, "connect", _teach_subsec)
    address = f"sqlite:///{file.resolve()}"
    DBOS.migrate(address)
    return address


def _teach_subsec(connection: Any, _record: object) -> None:
    """The engine asks for `unixepoch('subsec')` from Python 3.12 on, whatever SQLite is below: the older gives NULL."""
    connection.create_function("unixepoch", 1, lambda what: time.time() if what == "subsec" else None)


def _register_queues(database: str, limits: Mapping[Tier, int]) -> None:
    """Before the engine is launched: for a queue registered later the first attempt may wait a second more."""
    client = DBOSClient(system_database_url=database, application_name=APPLICATION)
    try:
        client.register_queue(RUNS, polling_interval_sec=QUEUE_POLL_S)
        for tier, limit in limits.items():
            client.register_queue(tier.value, global_concurrency=limit, polling_interval_sec=QUEUE_POLL_S)
    finally:
        client.destroy()


class _Serializer(DBOSPortableJSONSerializer):
    """What the engine keeps, without secrets."""

    def serialize(self, value: Any) -> str:
        return redact(super().serialize(value))


def _config(database: str, run_id: str) -> DBOSConfig:
    return {
        "name": APPLICATION,
        "system_database_url": database,
        "application_version": WORKFLOW_VERSION,
        "executor_id": run_id,
        "log_level": "WARNING",
        "serializer": _Serializer(),
        "notification_listener_polling_interval_sec": POLL_S,
    }


def _log_to(path: Path) -> None:
    """The engine's own log goes to the run folder: it adds a console handler only when it finds none."""
    log = logging.getLogger("dbos")
    log.propagate = False
    for before in list(log.handlers):
        log.removeHandler(before)
        before.close()
        if isinstance(before, logging.StreamHandler):
            before.stream.close()
    handler = logging.StreamHandler(io.TextIOWrapper(open_private(path, "a"), encoding="utf-8", write_through=True))
    handler.setFormatter(RedactingFormatter())
    log.addHandler(handler)
