"""The checks of a person's session, run as those of runs are: on a commit, in a worktree of their own, in the sandbox.

One session at a time runs checks in a repository; another one waits briefly. What a check showed is remembered by the
session, how long the checks took, by the repository.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow.checks.sandbox import CheckSandbox, why_no_sandbox
from agentflow.claude_code import hook_log, places, progress
from agentflow.config.machine import make_folder, open_private, write_private
from agentflow.config.paths import worktrees_dir
from agentflow.config.settings import Sandbox, Settings
from agentflow.domain.events import Event, EventKind
from agentflow.domain.evidence import Evidence
from agentflow.errors import AgentflowError
from agentflow.git.commits import delete_refs, refs_below
from agentflow.git.included import tracked_environments
from agentflow.git.plain_config import write_plain_config
from agentflow.git.repository import Repository
from agentflow.git.watching import Watch
from agentflow.git.worktrees import remove_worktrees
from agentflow.workflows.proving import Prover

#: Seconds that all checks together get, less than the hook itself has (plugin/hooks/hooks.json).
PATIENCE_S = 540.0
#: Seconds that a check gets where none has passed yet; so many times what the longest took; and never less than that.
FIRST_S, TIMES, LEAST_S = 240.0, 4, 30.0
#: Seconds to wait for checks of another session, and of another agent of the same session.
BRIEFLY_S, FOR_OWN_S = 5.0, 240.0
_POLL_S = 0.1
_LABEL = ("-", 0)


class StoodAsideError(AgentflowError):
    """The gate steps aside, for a reason that the person is told. `is_settled`: until something changes."""

    def __init__(self, message: str, *, is_settled: bool) -> None:
        super().__init__(message)
        self.is_settled = is_settled


class SessionChecks:
    """Runs the checks of a repository for one session, within `running()`."""

    def __init__(self, session_id: str, repository: Repository, settings: Settings) -> None:
        self._session = session_id
        self._repository = repository
        self._settings = settings
        self._folder = make_folder(Path(places.hooks_dir(), "proof"))
        self.id = progress.name_of(str(repository.common_dir))
        self.refs = f"refs/agentflow/{self.id}/"
        self._notes = _Notes(self._folder, session_id, str(repository.common_dir))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nobody else's checks run meanwhile. Afterwards no worktree is left. Raises StoodAsideError."""
        with open_private(self._folder / f"{self.id}.lock") as lock:
            await self._take(lock)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    yield
            except TimeoutError:
                raise StoodAsideError(f"the checks took longer than {PATIENCE_S:.0f} s", is_settled=True) from None
            finally:
                progress.end(str(self._repository.common_dir))
                await remove_worktrees(self._repository, worktrees_dir(self.id))
                lock.truncate(0)

    async def drop_refs(self) -> None:
        """Of what was put together to be judged, nothing stays."""
        if refs := await refs_below(self._repository, self.refs):
            await delete_refs(self._repository, refs)

    async def show(self, commit: str, base: str, commands: Sequence[str]) -> Evidence:
        """What the commands show on a commit, `base` being where the session began.

        Raises StoodAsideError when one runs out of time.
        """
        with tempfile.TemporaryDirectory() as folder:
            prover = await self._prover(Path(folder), base)
            try:
                found = await prover.prove(commit, commands, _LABEL)
            finally:
                await prover.clear()
        late = next((result for result in found.results if result.exit_code is None), None)
        if late is not None:
            limit_s = self._limit_s()
            self._notes.was_late()
            message = f"the check {late.command!r} took longer than {limit_s:.0f} s"
            raise StoodAsideError(message, is_settled=True)
        self._notes.took([result.duration_s for result in found.results if result.passed])
        return found

    async def _prover(self, folder: Path, base: str) -> Prover:
        logs = make_folder(folder / "run" / "logs")
        settings = replace(self._settings, check_timeout_s=self._limit_s())
        around = await self._sandbox(folder)
        watch = Watch(self._repository, lambda said: hook_log.note("proof", said), around is not None)
        tracked = await tracked_environments(self._repository)
        return Prover(
            self.id, base, self._repository, settings, self._notes, logs, watch, sandbox=around, tracked=tracked
        )

    async def _sandbox(self, folder: Path) -> CheckSandbox | None:
        if self._settings.sandbox is Sandbox.OFF:
            return None
        if missing := why_no_sandbox():
            message = f"no sandbox works here ({missing}), and checks run without one only by AGENTFLOW_SANDBOX=off"
            raise StoodAsideError(message, is_settled=True)
        configs = await write_plain_config(self._repository, folder)
        return CheckSandbox(self._repository.root, self._repository.common_dir, *configs)

    def _limit_s(self) -> float:
        """What the user sets holds; else it goes by what the checks took before."""
        given = self._settings.check_timeout_s
        is_given = self._settings.origins.get("check_timeout_s", "default") != "default"
        return given if is_given else min(given, self._notes.limit_s())

    async def _take(self, lock: Any) -> None:
        """Leave one's name in the lock. Whoever comes meanwhile says so and goes, or waits for its own session."""
        begun = time.monotonic()
        while not _locked(lock):
            lock.seek(0)
            is_own = lock.read().decode("utf-8", "replace") == self._session
            if time.monotonic() - begun > (FOR_OWN_S if is_own else BRIEFLY_S):
                whose = "another agent" if is_own else "another session"
                raise StoodAsideError(f"checks of {whose} are running in this repository", is_settled=False)
            await asyncio.sleep(_POLL_S)
        lock.seek(0)
        lock.truncate()
        lock.write(self._session.encode("utf-8", "replace"))
        lock.flush()


class _Notes:
    """What a prover wants remembered: results by the session, in a file; how far a check is, for the status line."""

    def __init__(self, folder: Path, session_id: str, common_dir: str) -> None:
        self._results = folder / f"{places.file_name(session_id)}.json"
        self._limits = folder / f"{progress.name_of(common_dir)}.limits"
        self._common_dir = common_dir

    def cache_get(self, kind: str, key: str) -> Any:
        return _read(self._results).get(f"{kind}:{key}")

    def cache_put(self, kind: str, key: str, value: Any) -> None:
        write_private(self._results, json.dumps({**_read(self._results), f"{kind}:{key}": value}))

    def emit(self, run_id: str, event: Event) -> None:  # noqa: ARG002  there is one such run in a repository
        if event.kind in (EventKind.CHECK_STARTED, EventKind.CHECK_PROGRESS):
            progress.tell(self._common_dir, event.data)

    def limit_s(self) -> float:
        """Checks that did not end are waited for half as long each time."""
        known = _read(self._limits)
        took, late = known.get("took_s"), int(known.get("late", 0))
        if took is None or late:
            return max(LEAST_S, FIRST_S / 2.0 ** (late - 1 if took is not None else late))
        return max(LEAST_S, TIMES * float(took))

    def took(self, seconds: Sequence[float]) -> None:
        if seconds:
            write_private(self._limits, json.dumps({"took_s": max(seconds)}))

    def was_late(self) -> None:
        known = _read(self._limits)
        write_private(self._limits, json.dumps({**known, "late": int(known.get("late", 0)) + 1}))


def _locked(lock: Any) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
