"""Proving a commit: set-up and checks, run by agentflow itself, every result kept by the tree it was seen on."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from agentflow.checks.environment import build_folders
from agentflow.checks.limits import limits_of
from agentflow.checks.progress import Tell
from agentflow.checks.run import House, Wrap, run_check
from agentflow.checks.runners.obstacles import wants_network
from agentflow.checks.sandbox import CheckSandbox
from agentflow.checks.turns import Turns
from agentflow.config.paths import worktrees_dir
from agentflow.config.secrecy import learn_variables, redact_file, redacted
from agentflow.config.settings import Network, Settings
from agentflow.domain.codec import decode, encode
from agentflow.domain.events import Event, EventKind
from agentflow.domain.evidence import Check, CheckResult, Evidence, Obstacle, brief
from agentflow.git.checkouts import Checkouts
from agentflow.git.commits import tree_of
from agentflow.git.pool import WorktreePool
from agentflow.git.repository import Repository
from agentflow.git.staging import disown
from agentflow.git.watching import Watch
from agentflow.workflows.setting_up import SetUp, SetupFailed

NO_NETWORK = "the sandbox has no network: allow it with --network full"
#: A check may take so many times what it took on the base: checks of several agents share the machine.
TIMES_BASE = 10
#: But never less than this, in seconds.
LEAST_S = 120.0
#: Characters kept of what a check made of the files it judges.
MAX_DIFF = 20_000
_NONE: Mapping[str, Collection[str]] = MappingProxyType({})


class Memory(Protocol):
    """Where a prover keeps what it has seen, and says what it does; the ledger is one."""

    def cache_get(self, kind: str, key: str) -> Any: ...
    def cache_put(self, kind: str, key: str, value: Any) -> None: ...
    def emit(self, run_id: str, event: Event) -> None: ...


class Prover:
    """Runs set-up and checks of one run; checks in worktrees that no agent touches, on a commit's exact content.

    A check is run once per tree: the same command on the same tree, in this run, is answered from the ledger. So the
    combination after a fast-forward merge costs nothing, and a resumed run repeats no finished check. A check that
    could not run is run again: that says nothing about the tree.
    """

    def __init__(
        self,
        run_id: str,
        base: str,
        repository: Repository,
        settings: Settings,
        ledger: Memory,
        logs: Path,
        watch: Watch,
        checkouts: Checkouts | None = None,
        *,
        sandbox: CheckSandbox | None,
        tracked: Collection[Path] = (),
    ) -> None:
        self._run_id = run_id
        self._base = base
        self._turns = Turns(repository.common_dir)
        self._repository = repository
        self._settings = settings
        self._ledger = ledger
        self._logs = logs
        self._watch = watch
        self._sandbox = sandbox
        learn_variables(settings.check_env)
        self._set_up = SetUp(run_id, base, repository, settings, logs, watch, sandbox, tracked)
        places = worktrees_dir(run_id)
        self._pool = WorktreePool(repository, places, self._set_up.prepare, self._set_up.fits, checkouts)
        self._trees: dict[str, str] = {}
        self._ran = set[str]()

    async def set_up(self, worktree: Path) -> None:
        """Prepare an agent's worktree; what that leaves there is no change of the agent's.

        Raises EnvironmentError_ when the set-up fails on what the run started from; elsewhere its checks will tell.
        """
        try:
            await self._set_up.prepare(worktree)
        except SetupFailed as failed:
            if failed.on_base:
                raise
        if self._settings.setup:
            await disown(self._repository, worktree)

    async def renew_environment(self) -> None:
        """Make what checks run in anew, set-up included, before the next check."""
        await self._set_up.forget()
        self._pool.distrust()
        self._ran.clear()

    def session_environment(self, worktree: Path) -> dict[str, str]:
        """What a worker's session in a worktree needs to find what its checks will find."""
        return self._set_up.session_environment(worktree)

    async def clear(self) -> None:
        """Delete what set-up made for this run alone."""
        await self._set_up.clear()

    async def prove(
        self,
        commit: str,
        commands: Sequence[str],
        label: tuple[str, int],
        known_failures: Mapping[str, Collection[str]] = _NONE,
        *,
        first: Collection[str] = (),
        where: str = "",
        retry: bool = True,
        alone: bool = True,
    ) -> Evidence:
        """What `commands` show on `commit`, in a clean checkout of it. `label`: subtask and attempt, for the events.

        `known_failures`: by command, the tests whose failing is no reason to run it again; without `retry` nothing is.
        Without `alone` others need not wait while one that failed is run again: where it was to fail.
        When one of the commands in `first` fails, those after it are not run: the evidence then has no result for them.
        `where` tells people on which commit, where it is not the attempt's own.
        """
        tree, results = await self._tree(commit), list[CheckResult]()
        for command in dict.fromkeys(commands):
            result = await self._result(
                commit, tree, command, label, known_failures.get(command, ()), where, retry=retry, alone=alone
            )
            results.append(result)
            if command in first and not result.passed:
                break
        return Evidence(tree, tuple(results))

    async def known(self, commit: str, commands: Sequence[str]) -> Evidence:
        """What is already known about `commit`, without running anything."""
        tree = await self._tree(commit)
        found = (self._remembered(tree, command) for command in dict.fromkeys(commands))
        return Evidence(tree, tuple(result for result in found if result is not None))

    async def left_behind(self, commands: Sequence[str]) -> tuple[str, ...]:
        """What `commands` leave behind where they have run on the run's base, neither tracked nor ignored."""
        keys = [self._key(await self._tree(self._base), command) for command in commands]
        known = [self._ledger.cache_get("leftovers", key) or () for key in keys]
        return tuple(sorted({name for left in known for name in left}))

    async def _result(
        self,
        commit: str,
        tree: str,
        command: str,
        label: tuple[str, int],
        known_failures: Collection[str],
        where: str,
        *,
        retry: bool,
        alone: bool,
    ) -> CheckResult:
        key = self._key(tree, command)
        known = self._remembered(tree, command)
        if known is not None and (known.obstacle is None or key in self._ran):
            return known
        self._emit(EventKind.CHECK_STARTED, label, command=command)

        def tell(done: int, tests: int, failed: int) -> None:
            self._emit(EventKind.CHECK_PROGRESS, label, command=command, done=done, tests=tests, failed=failed)

        result = await self._run(commit, tree, command, known_failures, tell, retry=retry, alone=alone)
        self._ran.add(key)
        await asyncio.to_thread(self._ledger.cache_put, "evidence", key, encode(result))
        self._emit(EventKind.CHECK_FINISHED, label, **brief(result), **({"where": where} if where else {}))
        return result

    async def _run(
        self,
        commit: str,
        tree: str,
        command: str,
        known_failures: Collection[str],
        tell: Tell,
        *,
        retry: bool,
        alone: bool,
    ) -> CheckResult:
        check = Check(command, timeout_s=await self._limit(command), limits=limits_of(self._settings))
        log = self._logs / _log_name(tree, command)
        try:
            async with self._pool.at(commit) as worktree:
                builds = build_folders(command, worktrees_dir(self._run_id))
                environment = self._set_up.environment(worktree, command) | builds
                wrap = self._wrap(worktree, environment, [Path(folder) for folder in builds.values()])
                house = House(
                    renew=partial(self._pool.renew, worktree, commit),
                    rewritten=partial(self._rewritten, worktree),
                    turns=self._turns,
                    change=(self._base, commit),
                )
                run = partial(run_check, retry=retry, alone=alone, known_failures=known_failures, tell=tell)
                async with self._watch.over(f"the check {command!r}"):
                    ran = await run(check, worktree, environment, log, wrap, house)
                is_base = tree == await self._tree(self._base)
                left = await self._pool.leftovers(worktree) if is_base else ()
        except SetupFailed as failed:
            if failed.on_base:
                raise
            # The commit asks for something else to be installed: that this fails is the commit's fault.
            hindered = Obstacle("its new set-up fails") if self._is_cut_off(failed.message) else None
            return self._explained(CheckResult(command, 1, 0.0, output_tail=failed.message, obstacle=hindered))
        if left:
            await asyncio.to_thread(self._ledger.cache_put, "leftovers", self._key(tree, command), left)
        return await asyncio.to_thread(self._without_secrets, self._explained(ran), log)

    def _explained(self, result: CheckResult) -> CheckResult:
        """With how to let a check have what the sandbox keeps from it, where that is what it lacks."""
        if self._sandbox is None or result.passed:
            return result
        obstacle = result.obstacle
        said = "\n".join([obstacle.what if obstacle else "", result.output_tail, *(f.account for f in result.failures)])
        lacking = NO_NETWORK if self._is_cut_off(said) else self._sandbox.kept_away(said, os.environ)
        if not lacking:
            return result
        if obstacle is None:
            return replace(result, signs=(*result.signs, lacking))
        return replace(result, obstacle=replace(obstacle, what=f"{obstacle.what}; {lacking}"))

    def _is_cut_off(self, said: str) -> bool:
        """Whether a program says that it reaches nobody, and the sandbox is why."""
        return self._sandbox is not None and self._settings.network is not Network.FULL and wants_network(said)

    async def _rewritten(self, worktree: Path) -> tuple[tuple[str, ...], str]:
        files, diff = await self._pool.rewritten(worktree)
        return files, diff[:MAX_DIFF].encode(errors="surrogateescape").decode(errors="replace")

    async def _limit(self, command: str) -> float:
        """How long a check may take, in seconds: where it passed on the base, a multiple of what that took.

        So that a change which has a suite hang is not waited for to the end. A check that failed may have ended early.
        """
        most = self._settings.check_timeout_s
        known = self._remembered(await self._tree(self._base), command)
        return most if known is None or not known.passed else min(most, max(LEAST_S, TIMES_BASE * known.duration_s))

    def _without_secrets(self, result: CheckResult, log: Path) -> CheckResult:
        for path in (log, *(log.with_name(f"{log.name}.{ending}") for ending in ("retry", "again"))):
            redact_file(path)
        return replace(decode(CheckResult, redacted(encode(result))), command=result.command)

    async def _tree(self, commit: str) -> str:
        if commit not in self._trees:
            self._trees[commit] = await tree_of(self._repository, commit)
        return self._trees[commit]

    def _remembered(self, tree: str, command: str) -> CheckResult | None:
        data = self._ledger.cache_get("evidence", self._key(tree, command))
        return None if data is None else decode(CheckResult, data)

    def _key(self, tree: str, command: str) -> str:
        """By environment as well: with another set-up a check may show something else."""
        setup = self._settings.setup
        prepared = f"{hashlib.sha256(setup.encode()).hexdigest()[:8]}:" if setup else ""
        return f"{self._run_id}:{prepared}{tree}:{command}"

    def _wrap(self, worktree: Path, environment: Mapping[str, str], builds: Sequence[Path]) -> Wrap | None:
        if (sandbox := self._sandbox) is None:
            return None
        network = self._settings.network is Network.FULL
        return lambda report: sandbox.command(worktree, (report, *builds), environment, network=network)

    def _emit(self, kind: EventKind, label: tuple[str, int], **data: object) -> None:
        self._ledger.emit(self._run_id, Event(kind, label[0], label[1], data=data))


def _log_name(tree: str, command: str) -> str:
    return f"check-{tree[:12]}-{hashlib.sha256(command.encode()).hexdigest()[:8]}.log"
