"""Running one check: the command, its per-test report, and one retry to tell flaky from failing."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from agentflow.checks.interpreter import loaded_elsewhere
from agentflow.checks.process import run_command
from agentflow.checks.progress import Tell, following
from agentflow.checks.runners.obstacles import obstacle_of
from agentflow.checks.runners.reports import ran_nothing, read_reports, reporting
from agentflow.checks.runners.runner import Ended, Invocation
from agentflow.domain.evidence import Check, CheckResult

#: Given the folder that a check reports to, the argv prefix that runs it in a sandbox.
Wrap = Callable[[Path], Sequence[str]]
#: The exit code of pytest, and of unittest since Python 3.12, when there was no test to run. A check that runs nothing
#: gets it too where its runner exits 0.
NOTHING_COLLECTED = 5
_EMPTY = "[agentflow: no test ran, and a check that runs nothing proves nothing]"


async def run_check(
    check: Check,
    worktree: Path,
    env: Mapping[str, str],
    log: Path,
    wrap: Wrap | None = None,
    renew: Callable[[], Awaitable[None]] | None = None,
    *,
    retry: bool = True,
    known_failures: Collection[str] = (),
    tell: Tell | None = None,
) -> CheckResult:
    """Run the check in `worktree`; its output goes to `log`, that of a retry to the same name with `.retry` added.

    The folder of `log` must exist. `wrap` gives the words that put the check in a sandbox, in which only the folder it
    is given can be written beside the worktree: the tests' report is passed through it. A check that fails is run once
    more in full, unless it ran out of time, ran nothing, could not run (an obstacle), or every test that failed is one
    of `known_failures`, whose failing changes nothing.
    `renew` brings the worktree back to what it was before the first run.
    `tell` hears how far the first run is.
    A test that failed in one run and passed in the other is flaky; when all that failed is flaky, the check passed.
    """
    first = await _run_once(check, worktree, env, log, wrap, tell)
    if not retry or not _deserves_retry(first, known_failures):
        return first
    if renew is not None:
        await renew()
    second = await _run_once(check, worktree, env, log.with_name(f"{log.name}.retry"), wrap)
    return _merge(first, second)


async def _run_once(
    check: Check, worktree: Path, env: Mapping[str, str], log: Path, wrap: Wrap | None, tell: Tell | None = None
) -> CheckResult:
    with tempfile.TemporaryDirectory(prefix="report-", dir=log.parent.absolute(), ignore_cleanup_errors=True) as folder:
        asked = reporting(Invocation(check.command, env, worktree), Path(folder))
        async with following(Path(folder, "python"), tell):
            wrapper = wrap(Path(folder)) if wrap else ()
            result = await run_command(asked.command, worktree, asked.env, check.timeout_s, log, wrapper=wrapper)
        ended = Ended(result.exit_code, result.output_tail, worktree)
        report = read_reports(Path(folder), worktree, ended) if ended.exit_code is not None else None
        doubts = (*(report.doubts if report else ()), *loaded_elsewhere(Path(folder, "python")))
    is_empty = ended.exit_code is not None and ran_nothing(check.command, ended, report)
    if is_empty and ended.exit_code == 0:
        ended = replace(ended, exit_code=NOTHING_COLLECTED)
    seen = CheckResult(
        check.command,
        ended.exit_code,
        result.duration_s,
        report.tests if report else None,
        output_tail=result.output_tail,
        failures=report.failures if report else (),
        obstacle=obstacle_of(check.command, ended, report),
        doubts=doubts,
    )
    return replace(seen, output_tail=f"{seen.output_tail}\n{_EMPTY}") if is_empty and not seen.obstacle else seen


def _deserves_retry(result: CheckResult, known_failures: Collection[str]) -> bool:
    failed = result.tests.failed if result.tests else ()
    only_known = bool(failed) and set(failed) <= set(known_failures)
    ran = result.obstacle is None and _EMPTY not in result.output_tail
    return ran and result.exit_code not in {0, None} and not only_known


def _merge(first: CheckResult, second: CheckResult) -> CheckResult:
    """The second run's result, with what only one of the two runs saw failing counted as flaky."""
    doubts = tuple(dict.fromkeys((*first.doubts, *second.doubts)))
    merged = replace(second, duration_s=first.duration_s + second.duration_s, doubts=doubts)
    if first.tests is None or second.tests is None:
        return replace(merged, flaky=(second.command,)) if second.passed else merged
    failed_once = set(first.tests.failed) ^ set(second.tests.failed)
    flaky = failed_once & {*first.tests.passed, *second.tests.passed}
    failed = tuple(test for test in second.tests.failed if test not in flaky)
    failures = tuple(failure for failure in second.failures if failure.test not in flaky)
    tests = replace(second.tests, failed=failed, passed=_union(second.tests.passed, flaky))
    only_flaky = bool(second.tests.failed) and not failed
    exit_code = 0 if only_flaky else second.exit_code
    return replace(merged, exit_code=exit_code, tests=tests, flaky=tuple(sorted(flaky)), failures=failures)


def _union(passed: tuple[str, ...], flaky: set[str]) -> tuple[str, ...]:
    return (*passed, *sorted(flaky.difference(passed)))
