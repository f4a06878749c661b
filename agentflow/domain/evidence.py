"""Checks and what they showed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Proof(StrEnum):
    """What a merge rests on.

    `proven`: something that failed or did not exist at the base passes now, and old tests hold on the new code.
    `weakly_proven`: nothing fails, but nothing went from red to green either, and a judge approved.
    `unproven`: no check could judge the work, or none can be believed; a judge approved.
    """

    PROVEN = "proven"
    WEAKLY_PROVEN = "weakly_proven"
    UNPROVEN = "unproven"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a check, with all it starts, takes of the machine; `memory_bytes` None is no limit.

    `processes` counts threads too.
    """

    memory_bytes: int | None = None
    processes: int = 8192


@dataclass(frozen=True, slots=True)
class Check:
    """A shell command that proves something, run by agentflow itself. `source` says where it comes from."""

    command: str
    source: str = "config"
    timeout_s: float = 600.0
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class TestOutcomes:
    """Ids of tests by outcome, as the runner's report gives them (pytest: node ids).

    `xfailed` tests failed as their own mark expects; they are no failure, and no pass of a test that passed before.
    """

    __test__ = False

    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    xfailed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestFailure:
    """One failing test: the assertion or error in a line or two, the account of it with its last frames, and output.

    `captured` is what the test printed and logged, cut at its beginning.
    """

    __test__ = False

    test: str
    message: str
    account: str = ""
    captured: str = ""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a check could not run at all, which says nothing about the code: `what` for people, `setup` what would help.

    `setup` is a command, empty when none is known.
    """

    what: str
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a check did to the files it judges: which of the commit's `files` it changed, and the `diff`, cut.

    `settles`: run once more on what it had made of them, it passed and changed nothing more.
    """

    files: tuple[str, ...]
    diff: str = ""
    settles: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check, run once (and its failing tests once more, to tell flaky from failing).

    `exit_code` is None when the check ran out of time. `tests` is None where no per-test report exists.
    `flaky` tests failed in one of two runs of the same tree and passed in the other; they count as passed. Where no
    per-test report exists, it holds the command itself when that failed first and passed when run again.
    `failures` accounts for failing tests, as far as the runner's report does. `obstacle` is set when the check could
    not run. `doubts` are reasons not to believe the result: code loaded from elsewhere, a report that was forged.
    `lingered`: all tests were reported and their runner did not end, since they left something running; agentflow ended
    it, and what it reported counts.
    `signs` are what the failures (flaky ones too) say of the machine or of chance: an address in use, a locked
    database. `partial` says why a failed check may not have reached its end, empty where it did. `idle`: it looked at
    nothing, since the change has nothing for it, and says neither good nor bad. `rewriting` is set when it changed what
    it judges.
    """

    command: str
    exit_code: int | None
    duration_s: float
    tests: TestOutcomes | None = None
    flaky: tuple[str, ...] = ()
    output_tail: str = ""
    failures: tuple[TestFailure, ...] = ()
    obstacle: Obstacle | None = None
    doubts: tuple[str, ...] = ()
    lingered: bool = False
    signs: tuple[str, ...] = ()
    partial: str = ""
    idle: bool = False
    rewriting: Rewriting | None = None

    @property
    def passed(self) -> bool:
        return self.exit_code == 0


def brief(result: CheckResult) -> dict[str, Any]:
    """A result as events and documents show it: counts instead of test ids, None where no tests are reported.

    What is only sometimes to be told is there only then: `obstacle` (why it could not run), `lingered`, `signs`,
    `partial`, `idle` and `rewrote` (the files it changed).
    """
    tests = result.tests
    return {
        "command": result.command,
        "exit_code": result.exit_code,
        "passed": len(tests.passed) if tests else None,
        "failed": len(tests.failed) if tests else None,
        "skipped": len(tests.skipped) if tests else None,
        "flaky": list(result.flaky),
        **({"obstacle": result.obstacle.what} if result.obstacle else {}),
        **({"lingered": True} if result.lingered else {}),
        **({"signs": list(result.signs)} if result.signs else {}),
        **({"partial": result.partial} if result.partial else {}),
        **({"idle": True} if result.idle else {}),
        **({"rewrote": list(result.rewriting.files)} if result.rewriting else {}),
    }


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks showed on one committed tree (`tree` is git's tree id)."""

    tree: str
    results: tuple[CheckResult, ...] = ()

    def result(self, command: str) -> CheckResult | None:
        return next((result for result in self.results if result.command == command), None)


@dataclass(frozen=True, slots=True)
class Survivor:
    """A small wrong version of changed code that no check noticed: `was` became `now`. `line` is 1-based."""

    path: str
    line: int
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """How many wrong versions of a change were tried, and those that its checks let pass."""

    tried: int
    survivors: tuple[Survivor, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs between two commits. `status` is git's letter: A, M, D, T."""

    path: str
    status: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that lies in an agent's worktree and is no part of its commit; a folder's `path` ends in a slash."""

    path: str
    why: str
