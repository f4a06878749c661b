"""Running one check: the command, its per-test report, and one retry to tell flaky from failing."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from agentflow.checks.examined import examined_nothing, looked_at_no_change
from agentflow.checks.ids import function_of, functions, is_parametrised
from agentflow.checks.interpreter import loaded_elsewhere
from agentflow.checks.process import run_command
from agentflow.checks.progress import Tell, following
from agentflow.checks.runners.obstacles import obstacle_of
from agentflow.checks.runners.reports import lingered, read_reports, reporting
from agentflow.checks.runners.runner import Ended, Invocation
from agentflow.checks.signs import signs_of
from agentflow.checks.stopping import stopped_early
from agentflow.checks.turns import HadCompany, Turns
from agentflow.checks.unheard import hidden_in_scripts
from agentflow.domain.evidence import Check, CheckResult, Obstacle, Rewriting, TestOutcomes

#: Given the folder that a check reports to, the argv prefix that runs it in a sandbox.
Wrap = Callable[[Path], Sequence[str]]
#: The exit code of pytest, and of unittest since Python 3.12, when there was no test to run. A check that runs nothing
#: gets it too where its runner exits 0.
NOTHING_COLLECTED = 5
_EMPTY = "[agentflow: no test ran, and a check that runs nothing proves nothing]"


@dataclass(frozen=True, slots=True)
class House:
    """What whoever lends the worktree can do for a check. As it stands: a folder that nobody else knows of.

    `renew` brings it back to what it was before the first run, `rewritten` tells which of its files a run has changed
    and how. `turns` keeps a check alone. `change`: the two commits between which lies what is judged.
    """

    renew: Callable[[], Awaitable[None]] | None = None
    rewritten: Callable[[], Awaitable[tuple[tuple[str, ...], str]]] | None = None
    turns: Turns | None = None
    change: tuple[str, str] | None = None


async def run_check(
    check: Check,
    worktree: Path,
    env: Mapping[str, str],
    log: Path,
    wrap: Wrap | None = None,
    house: House = House(),
    *,
    retry: bool = True,
    alone: bool = True,
    known_failures: Collection[str] = (),
    tell: Tell | None = None,
) -> CheckResult:
    """Run the check in `worktree`; its output goes to `log`, that of a retry to the same name with `.retry` added.

    The folder of `log` must exist. `wrap` gives the words that put the check in a sandbox, in which only the folder it
    is given can be written beside the worktree: the tests' report is passed through it. A check that fails is run once
    more in full on the same files, unless it ran nothing or every test that failed is one of `known_failures`, whose
    failing changes nothing. Where another check of ours ran beside it, that is done `alone`, and where it ran out of
    time or could not run (an obstacle) too.
    A test that failed in one run and passed in the other is flaky; when all that failed is flaky, the check passed.
    One that changes files it judges, other than those named in `known_failures`, is run again on what it made of them.
    `tell` hears how far the first run is.
    """
    once = partial(_run_once, check, worktree, env, wrap=wrap, change=house.change)
    async with _turn(house.turns, alone=False) as had_company:
        result = await once(log, tell=tell)
    crowded = alone and had_company()
    if retry and _deserves_retry(result, known_failures, crowded=crowded):
        if house.renew is not None:
            await house.renew()
        async with _turn(house.turns, alone=crowded):
            result = _merge(result, await once(log.with_name(f"{log.name}.retry")))
    files, diff = await house.rewritten() if house.rewritten else ((), "")
    if not files or not house.rewritten:
        return result
    settles = False
    if result.exit_code is not None and not set(files) <= set(known_failures):
        async with _turn(house.turns, alone=False):
            again = await once(log.with_name(f"{log.name}.again"))
        settles = again.passed and (await house.rewritten())[1] == diff
    return replace(result, rewriting=Rewriting(files, diff, settles))


@asynccontextmanager
async def _turn(turns: Turns | None, *, alone: bool) -> AsyncIterator[HadCompany]:
    if turns is None:
        yield lambda: False
    else:
        async with turns.alone() if alone else turns.beside() as had_company:
            yield had_company


async def _run_once(
    check: Check,
    worktree: Path,
    env: Mapping[str, str],
    log: Path,
    *,
    wrap: Wrap | None,
    change: tuple[str, str] | None,
    tell: Tell | None = None,
) -> CheckResult:
    with tempfile.TemporaryDirectory(prefix="report-", dir=log.parent.absolute(), ignore_cleanup_errors=True) as folder:
        asked = reporting(Invocation(check.command, env, worktree, change), Path(folder))
        async with following(Path(folder, "python"), tell):
            result = await run_command(
                asked.command,
                worktree,
                asked.env,
                check.timeout_s,
                log,
                wrapper=wrap(Path(folder)) if wrap else (),
                pipefail=True,
                limits=check.limits,
            )
        ended = Ended(result.exit_code, result.output_tail, worktree)
        report = read_reports(Path(folder), worktree, ended) if ended.exit_code is not None else None
        left_running = lingered(Path(folder))
        doubts = (*(report.doubts if report else ()), *loaded_elsewhere(Path(folder, "python")))
    doubts = (*doubts, *hidden_in_scripts(check.command, worktree))
    is_idle = ended.exit_code == 0 and report is None and looked_at_no_change(ended.output)
    is_empty = ended.exit_code is not None and not is_idle and examined_nothing(check.command, ended, report)
    if is_empty and ended.exit_code == 0:
        ended = replace(ended, exit_code=NOTHING_COLLECTED)
    seen = CheckResult(
        check.command,
        ended.exit_code,
        result.duration_s,
        report.tests if report else None,
        output_tail=result.output_tail,
        failures=report.failures if report else (),
        obstacle=Obstacle(result.exceeded) if result.exceeded else obstacle_of(check.command, ended, report),
        doubts=doubts,
        lingered=left_running,
        partial=stopped_early(check.command, worktree, ended, report),
        idle=is_idle,
    )
    seen = replace(seen, signs=signs_of(seen))
    return replace(seen, output_tail=f"{seen.output_tail}\n{_EMPTY}") if is_empty and not seen.obstacle else seen


def _deserves_retry(result: CheckResult, known_failures: Collection[str], *, crowded: bool) -> bool:
    if result.passed or _EMPTY in result.output_tail:
        return False
    if result.obstacle is not None or result.exit_code is None:
        return crowded
    failed = functions(result.tests.failed if result.tests else ())
    return not failed or not failed <= functions(known_failures)


def _merge(first: CheckResult, second: CheckResult) -> CheckResult:
    """The second run's result, with what only one of the two runs saw failing counted as flaky."""
    doubts = tuple(dict.fromkeys((*first.doubts, *second.doubts)))
    signs = tuple(dict.fromkeys((*first.signs, *second.signs)))
    merged = replace(second, duration_s=first.duration_s + second.duration_s, doubts=doubts, signs=signs)
    if first.tests is None or second.tests is None:
        return replace(merged, flaky=(second.command,)) if second.passed else merged
    failed_once = set(first.tests.failed) ^ set(second.tests.failed)
    flaky = failed_once & {*first.tests.passed, *second.tests.passed}
    flaky |= _reworded(first.tests, second.tests)
    failed = tuple(test for test in second.tests.failed if test not in flaky)
    failures = tuple(failure for failure in second.failures if failure.test not in flaky)
    passed = (*second.tests.passed, *(test for test in second.tests.failed if test in flaky))
    tests = replace(second.tests, failed=failed, passed=passed)
    only_flaky = bool(second.tests.failed) and not failed
    exit_code = 0 if only_flaky else second.exit_code
    return replace(merged, exit_code=exit_code, tests=tests, flaky=tuple(sorted(flaky)), failures=failures)


def _reworded(first: TestOutcomes, second: TestOutcomes) -> set[str]:
    """Failing tests whose names only one of the runs knows, where the other saw more tests of the function pass."""
    fewer = functions(first.failed) - functions(second.failed), functions(second.failed) - functions(first.failed)
    other = {*first.passed, *first.failed}, {*second.passed, *second.failed}
    return {
        test
        for known, failed, excess in ((other[1], first.failed, fewer[0]), (other[0], second.failed, fewer[1]))
        for test in failed
        if is_parametrised(test) and test not in known and excess[function_of(test)]
    }
