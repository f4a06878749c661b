"""Having every runner in a check report, and reading what they left, as one report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agentflow.checks.runners import RUNNERS, runners_of
from agentflow.checks.runners.runner import Ended, Invocation, Report
from agentflow.domain.evidence import TestOutcomes


def reporting(invocation: Invocation, folder: Path) -> Invocation:
    """The invocation after which `read_reports` finds in `folder` what its tests did."""
    for runner in RUNNERS:
        own = folder / runner.name
        own.mkdir()
        invocation = runner.reporting(invocation, own)
    return invocation


def read_reports(folder: Path, worktree: Path, ended: Ended) -> Report | None:
    """What all tests of the check did; None where no runner left a report that can be read."""
    found = [report for runner in RUNNERS if (report := runner.read(folder / runner.name, worktree, ended))]
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
    failures = tuple(failure for report in found for failure in report.failures)
    return Report(tests, failures, tuple(dict.fromkeys(doubt for report in found for doubt in report.doubts)))


def ran_nothing(command: str, ended: Ended, report: Report | None) -> bool:
    """Whether the check ended without a test to run, by the report or by what its runner says.

    Where it failed, any runner's words count, since one may start another; where it passed, only its own.
    """
    if report is not None:
        return report.tests == TestOutcomes() and ended.exit_code != 0
    speakers = RUNNERS if ended.exit_code != 0 else runners_of(command, ended.worktree or Path())
    return any(runner.ran_nothing(ended) for runner in speakers)
