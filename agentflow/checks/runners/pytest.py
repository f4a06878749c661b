"""pytest: its JUnit report, asked for by PYTEST_ADDOPTS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.junit import read_report, with_report
from agentflow.checks.runners.files import interpreter
from agentflow.checks.runners.lines import calls, with_files
from agentflow.checks.runners.python_projects import PYTEST_MARK, pytest_setting, test_module
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.domain.evidence import Check


def _detect(root: Path) -> Iterator[Check]:
    source = pytest_setting(root) or test_module(root, PYTEST_MARK)
    if source:
        yield Check(f"{interpreter(root)} -m pytest -q", source)


def _reporting(invocation: Invocation, folder: Path) -> Invocation:
    return Invocation(invocation.command, with_report(invocation.env, folder), invocation.worktree)


def _read(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    tests = read_report(folder, worktree)
    return None if tests is None else Report(tests)


PYTEST = Runner(
    name="pytest",
    detect=_detect,
    runs=calls("pytest", r"py\.test"),
    reporting=_reporting,
    read=_read,
    ran_nothing=lambda ended: ended.exit_code != 0 and "no tests ran" in ended.output.lower(),
    narrowed=with_files,
)
