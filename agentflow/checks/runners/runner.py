"""What agentflow has to know about a test runner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.domain.evidence import Check, Obstacle, TestFailure, TestOutcomes


@dataclass(frozen=True, slots=True)
class Invocation:
    """A check about to be run in `worktree`: the shell line and its environment.

    `change`: the two commits between which lies what is judged, for tools that look at a change only.
    """

    command: str
    env: Mapping[str, str]
    worktree: Path
    change: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A check that was run: how it ended (None: out of time), the end of what it printed, and where, if known."""

    exit_code: int | None
    output: str
    worktree: Path | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a runner's machine-readable report says. `doubts`: why it may not be what the tests really did."""

    tests: TestOutcomes
    failures: tuple[TestFailure, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runner:
    """One test runner.

    `detect` yields the checks it offers for the project in a folder (commands run from that folder).
    `runs` says whether a shell line starts it; `package.json` scripts and the like are looked up in the worktree.
    `reporting` makes a line leave its report in the given folder, and still print what people know. Every runner is
    asked for every line, since a runner may be started three scripts further down: it changes only what it must.
    `read` reads that report; None where there is none that can be read to its end. The folder is this runner's own.
    `ran_nothing` says whether it ended without a test to run, `obstacle` why it could not run at all.
    `narrowed` is the line that runs only these test files; None where the runner cannot.
    """

    name: str
    detect: Callable[[Path], Iterable[Check]]
    runs: Callable[[str, Path], bool]
    reporting: Callable[[Invocation, Path], Invocation] = lambda invocation, _: invocation
    read: Callable[[Path, Path, Ended], Report | None] = lambda *_: None
    ran_nothing: Callable[[Ended], bool] = lambda _: False
    obstacle: Callable[[Ended], Obstacle | None] = lambda _: None
    narrowed: Callable[[str, Iterable[str]], str | None] = lambda *_: None
