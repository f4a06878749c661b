"""Proving a commit: set-up and checks, run by agentflow itself, every result kept by the tree it was seen on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from agentflow.checks.environment import check_environment
from agentflow.checks.process import run_command
from agentflow.checks.run import run_check
from agentflow.checks.sandbox import bubblewrap_command
from agentflow.config.paths import worktrees_dir
from agentflow.config.settings import Settings
from agentflow.domain.codec import decode, encode
from agentflow.domain.events import Event, EventKind
from agentflow.domain.evidence import Check, CheckResult, Evidence, brief
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import tree_of
from agentflow.git.pool import WorktreePool
from agentflow.git.repository import Repository
from agentflow.git.staging import disown
from agentflow.store.ledger import Ledger

_NONE: Mapping[str, Collection[str]] = MappingProxyType({})


class Prover:
    """Runs set-up and checks of one run; checks in worktrees that no agent touches, on a commit's exact content.

    A check is run once per tree: the same command on the same tree, in this run, is answered from the ledger. So the
    combination after a fast-forward merge costs nothing, and a resumed run repeats no finished check.
    """

    def __init__(
        self, run_id: str, repository: Repository, settings: Settings, ledger: Ledger, logs: Path, *, full_sandbox: bool
    ) -> None:
        self._run_id = run_id
        self._repository = repository
        self._settings = settings
        self._ledger = ledger
        self._logs = logs
        self._full_sandbox = full_sandbox
        self._pool = WorktreePool(repository, worktrees_dir(run_id), self._run_setup)
        self._trees: dict[str, str] = {}

    async def set_up(self, worktree: Path) -> None:
        """Prepare an agent's worktree; what that leaves there is no change of the agent's.

        Raises EnvironmentError_ when the set-up fails.
        """
        if self._settings.setup:
            await self._run_setup(worktree)
            await disown(self._repository, worktree)

    async def _run_setup(self, worktree: Path) -> None:
        command = self._settings.setup
        if not command:
            return
        log = self._logs / f"setup-{worktree.name}.log"
        environment = check_environment(worktree, self._repository.root)
        wrapper = self._wrapper(worktree, environment)
        timeout_s = self._settings.setup_timeout_s
        result = await run_command(command, worktree, environment, timeout_s, log, wrapper=wrapper)
        if result.exit_code != 0:
            what = "ran out of time" if result.exit_code is None else f"ended with exit status {result.exit_code}"
            raise EnvironmentError_(
                f"the setup command {command!r} {what}: {_last_line(result.output_tail)}", hint=f"see {log}"
            )

    async def prove(
        self,
        commit: str,
        commands: Sequence[str],
        label: tuple[str, int],
        known_failures: Mapping[str, Collection[str]] = _NONE,
        *,
        first: Collection[str] = (),
    ) -> Evidence:
        """What `commands` show on `commit`, in a clean checkout of it. `label`: subtask and attempt, for the events.

        `known_failures`: by command, the tests whose failing is no reason to run it again. When one of the commands in
        `first` fails, those after it are not run: the evidence then has no result for them.
        """
        tree, results = await self._tree(commit), list[CheckResult]()
        for command in dict.fromkeys(commands):
            result = await self._result(commit, tree, command, label, known_failures.get(command, ()))
            results.append(result)
            if command in first and not result.passed:
                break
        return Evidence(tree, tuple(results))

    async def known(self, commit: str, commands: Sequence[str]) -> Evidence:
        """What is already known about `commit`, without running anything."""
        tree = await self._tree(commit)
        found = (self._remembered(tree, command) for command in dict.fromkeys(commands))
        return Evidence(tree, tuple(result for result in found if result is not None))

    async def left_behind(self, commit: str, commands: Sequence[str]) -> tuple[str, ...]:
        """What `commands` leave behind where they have run on `commit`, neither tracked nor ignored."""
        keys = [self._key(await self._tree(commit), command) for command in commands]
        known = [self._ledger.cache_get("leftovers", key) or () for key in keys]
        return tuple(sorted({name for left in known for name in left}))

    async def _result(
        self, commit: str, tree: str, command: str, label: tuple[str, int], known_failures: Collection[str]
    ) -> CheckResult:
        if (known := self._remembered(tree, command)) is not None:
            return known
        self._emit(EventKind.CHECK_STARTED, label, command=command)
        check = Check(command, timeout_s=self._settings.check_timeout_s)
        log = self._logs / _log_name(tree, command)
        async with self._pool.at(commit) as worktree:
            environment = check_environment(worktree, self._repository.root)
            wrapper = self._wrapper(worktree, environment)
            renew = partial(self._pool.renew, worktree, commit)
            result = await run_check(check, worktree, environment, log, wrapper, renew, known_failures=known_failures)
            left = await self._pool.leftovers(worktree)
        if left:
            await asyncio.to_thread(self._ledger.cache_put, "leftovers", self._key(tree, command), left)
        await asyncio.to_thread(self._ledger.cache_put, "evidence", self._key(tree, command), encode(result))
        self._emit(EventKind.CHECK_FINISHED, label, **brief(result))
        return result

    async def _tree(self, commit: str) -> str:
        if commit not in self._trees:
            self._trees[commit] = await tree_of(self._repository, commit)
        return self._trees[commit]

    def _remembered(self, tree: str, command: str) -> CheckResult | None:
        data = self._ledger.cache_get("evidence", self._key(tree, command))
        return None if data is None else decode(CheckResult, data)

    def _key(self, tree: str, command: str) -> str:
        return f"{self._run_id}:{tree}:{command}"

    def _wrapper(self, worktree: Path, environment: Mapping[str, str]) -> list[str]:
        return bubblewrap_command(worktree, [self._logs], environment) if self._full_sandbox else []

    def _emit(self, kind: EventKind, label: tuple[str, int], **data: object) -> None:
        self._ledger.emit(self._run_id, Event(kind, label[0], label[1], data=data))


def _log_name(tree: str, command: str) -> str:
    return f"check-{tree[:12]}-{hashlib.sha256(command.encode()).hexdigest()[:8]}.log"


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
