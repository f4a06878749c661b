"""One table of test runners: how each is found, made to report, and read. Adding one is one file and one row here."""

from __future__ import annotations

from pathlib import Path

from agentflow.checks.runners import (
    bats,
    cargo,
    ctest,
    dotnet,
    environments,
    go,
    gradle,
    hooks,
    jest,
    make,
    maven,
    mocha,
    node_test,
    package_script,
    phpunit,
    pytest,
    rspec,
    unittest,
    vitest,
)  # fmt: skip
from agentflow.checks.runners.runner import Runner

#: The first that a line runs is the one that speaks for it: what others start comes after what they start.
RUNNERS: tuple[Runner, ...] = (
    pytest.PYTEST,
    unittest.UNITTEST,
    vitest.RUNNER,
    jest.RUNNER,
    mocha.RUNNER,
    node_test.RUNNER,
    cargo.RUNNER,
    go.RUNNER,
    gradle.RUNNER,
    maven.RUNNER,
    rspec.RUNNER,
    phpunit.RUNNER,
    ctest.RUNNER,
    bats.RUNNER,
    dotnet.RUNNER,
    hooks.PRE_COMMIT,
    hooks.LINT_STAGED,
    environments.TOX,
    environments.NOX,
    package_script.RUNNER,
    make.RUNNER,
)


def runners_of(command: str, worktree: Path) -> tuple[Runner, ...]:
    """All the runners that a shell line starts, as far as can be told without running it."""
    return tuple(runner for runner in RUNNERS if runner.runs(command, worktree))


def runner_of(command: str, worktree: Path) -> Runner | None:
    """The runner whose tests a shell line runs; None where none is known."""
    return next(iter(runners_of(command, worktree)), None)
