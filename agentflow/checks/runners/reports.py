"""Having every runner in a check report, and reading what they left, as one report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agentflow.checks.runners import RUNNERS, runners_of
from agentflow.checks.runners.runner import Ended, Invocation, Report, Runner
from agentflow.domain.evidence import TestOutcomes

#: Left beside a report by what ends a runner that does not end by itself (`aside.cjs`, the interpreter's shim).
LINGERED = "lingered"


def folder_of(runner: Runner, folder: Path) -> Path:
    """A runner's own part of the folder for reports; Python's share one, since they may run in one interpreter."""
    return folder / ("python" if runner.name in {"pytest", "unittest"} else runner.name)


def reporting(invocation: Invocation, folder: Path) -> Invocation:
    """The invocation after which `read_reports` finds in `folder` what its tests did."""
    for runner in RUNNERS:
        own = folder_of(runner, folder)
        own.mkdir(exist_ok=True)
        invocation = runner.reporting(invocation, own)
    return invocation


def read_reports(folder: Path, worktree: Path, ended: Ended) -> Report | None:
    """What all tests of the check did; None where no runner left a report that can be read."""
    found = [report for runner in RUNNERS if (report := runner.read(folder_of(runner, folder), worktree, ended))]
    if len(found) < 2:
        return found[0] if found else None

    def joined(outcome: Callable[[TestOutcomes], tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(test for report in found for test in outcome(report.tests)))

    tests = TestOutcomes(
        passed=joined(lambda tests: tests.passed),
        failed=joined(lambda tests: tests.failed),
        skipped=joined(lambda tests: tests.skipped),
        xfailed=joined(lambda tests: tests.xfailed),
    )
    failures = tuple({failure.test: failure for report in found for failure in report.failures}.values())
    return Report(tests, failures, tuple(dict.fromkeys(doubt for report in found for doubt in report.doubts)))


def lingered(folder: Path) -> bool:
    """Whether a runner, once it had reported, had to be ended."""
    return any((folder_of(runner, folder) / LINGERED).exists() for runner in RUNNERS)


def ran_nothing(command: str, ended: Ended, report: Report | None) -> bool:
    """Whether the check ended without a test to run, by the report or by what its runner says.

    Where it failed, any runner's words count, since one may start another; where it passed, only its own. A report that
    is doubted does not say so.
    """
    if report is not None and (report.doubts or report.tests != TestOutcomes()):
        return False
    if report is not None and ended.exit_code != 0:
        return True
    speakers = RUNNERS if ended.exit_code != 0 else runners_of(command, ended.worktree or Path())
    return any(runner.ran_nothing(ended) for runner in speakers)
