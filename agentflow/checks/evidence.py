"""The evidence rules: what the checks must show before work counts as done.

What the work then rests on, red to green and old tests, is in `red_green.py` and `old_tests.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from agentflow.checks.comparison import Comparison, Touched, compare, tests_of
from agentflow.checks.digest import failure_digest
from agentflow.checks.tamper import readable
from agentflow.domain.attempts import Outcome, Verdict
from agentflow.domain.evidence import Change, CheckResult, Evidence, Obstacle


def judge(
    baseline: Evidence | None,
    after: Evidence,
    promised: Collection[str],
    changes: Sequence[Change],
    *,
    drops: Collection[str] = (),
) -> Verdict:
    """Judge an attempt by its checks: no new failure, and what the subtask promised now passes.

    `promised` are the subtask's own commands: each must exit 0. Every other command may fail only as it did in the
    baseline; without a baseline it must not fail at all. A test that ran in the baseline and is now skipped, marked
    as an expected failure or gone is not a pass, and `tampered` when the diff touches the tests that judge it; but
    those that `drops` names (ids, paths, globs) may go. A result that is doubtful where the baseline's are not is
    `tampered` too. A command without a result has failed, unless the proof ended at a promised command that failed.
    """
    compared = _compare_all(baseline or Evidence(""), after, promised, Touched.by(changes, drops))
    failed = [comparison for comparison in compared if not comparison.is_good]
    if not failed:
        return Verdict(Outcome.PASSED, _pass_reason(after, compared))
    outcome = Outcome.TAMPERED if any(c.tampered or c.forged for c in failed) else Outcome.CHECKS_FAILED
    return Verdict(outcome, _failure_reason(failed, after), failure_digest(failed))


def known_failures(baseline: Evidence, promised: Collection[str]) -> dict[str, tuple[str, ...]]:
    """By command, the tests that failed in the baseline and may fail again, and the files that it changed there.

    A promised command may do neither.
    """
    excused = (result for result in baseline.results if result.command not in promised)
    return {
        result.command: (*tests_of(result).failed, *(result.rewriting.files if result.rewriting else ()))
        for result in excused
        if result.tests or result.rewriting
    }


def environment_verdict(base: Evidence, after: Evidence, files: Sequence[str]) -> Verdict | None:
    """`environment` where a check can no more run at the base than after the change, so that no change is at fault.

    None where each check could run at the base, fails there in another way, or lacks what the subtask itself is to
    make (`files`: its write scope).
    """
    for result in after.results:
        before = base.result(result.command)
        obstacle = result.obstacle
        if obstacle is None or before is None or before.obstacle is None or obstacle.what != before.obstacle.what:
            continue
        if not _is_theirs(obstacle, files):
            remedy = f"; set-up that may help: {readable(obstacle.setup)}" if obstacle.setup else ""
            why = f"{readable(result.command)} cannot run here, with or without the change"
            return Verdict(Outcome.ENVIRONMENT, f"{why}: {readable(obstacle.what)}{remedy}")
    return None


def _is_theirs(obstacle: Obstacle, files: Sequence[str]) -> bool:
    """Whether what is missing is named like a file that the subtask may write."""
    return bool({PurePosixPath(file).stem for file in files}.intersection(re.findall(r"\w+", obstacle.what)))


def _compare_all(baseline: Evidence, after: Evidence, promised: Collection[str], touched: Touched) -> list[Comparison]:
    found = [result.command for result in after.results]
    ended_early = any(result.command in promised and not result.passed for result in after.results)
    wanted = found if ended_early else [*promised, *(result.command for result in baseline.results), *found]
    doubts_are_new = not any(result.doubts for result in baseline.results)
    return [
        compare(
            command,
            baseline.result(command),
            after.result(command),
            promised=command in promised,
            touched=touched,
            doubts_are_new=doubts_are_new,
        )
        for command in dict.fromkeys(wanted)
    ]


def _pass_reason(after: Evidence, compared: Sequence[Comparison]) -> str:
    passed = sum(result.passed and not result.doubts and not result.idle for result in after.results)
    notes = (
        f"{passed} check{'s' * (passed != 1)} passed" if compared else "",
        note(
            (test for comparison in compared for test in comparison.known_failures), "known failure", "known failures"
        ),
        _flaky_note(after),
        note((test for comparison in compared for test in comparison.skipped), "new skip", "new skips"),
        *(_skips(result) for result in after.results if is_mostly_skipped(result)),
        *(f"{readable(result.command)} found nothing to look at" for result in after.results if result.idle),
        *_partial_notes(after),
        *(f"{readable(c.command)} fails as it did before, which proves nothing" for c in compared if c.stays_red),
        *(
            f"{readable(result.command)} not believed: {readable(doubt)}"
            for result in after.results
            for doubt in result.doubts
        ),
    )
    return "; ".join(filter(None, notes))


def is_mostly_skipped(result: CheckResult) -> bool:
    """Whether more of a check's tests were skipped than ran: what it says is said of the lesser part."""
    tests = tests_of(result)
    return len(tests.skipped) > len(tests.passed) + len(tests.failed) + len(tests.xfailed)


def _skips(result: CheckResult) -> str:
    tests = tests_of(result)
    total = sum(map(len, (tests.passed, tests.failed, tests.skipped, tests.xfailed)))
    return f"{len(tests.skipped)} of {total} tests skipped by {readable(result.command)}"


def _failure_reason(failed: Sequence[Comparison], after: Evidence) -> str:
    touched = "by a change to the tests " if any(c.tampered for c in failed) else ""
    notes = (
        note((test for c in failed for test in c.new_failures), "new failure", "new failures"),
        note((t for c in failed for t in c.lost), f"test lost {touched}".strip(), f"tests lost {touched}".strip()),
        *(f"{readable(c.command)}: {readable(c.fault)}" for c in failed if c.fault and not c.new_failures),
        note((t for c in failed if c.fault for t in c.known_failures), "test still fails", "tests still fail"),
        *(f"{readable(c.command)} changes what it judges: {listed(c.rewrote)}" for c in failed if c.rewrote),
        _said([c.result for c in failed if c.result and not c.result.passed]),
        _flaky_note(after),
    )
    return "; ".join(filter(None, notes))


def _flaky_note(after: Evidence) -> str:
    flaky = note((test for result in after.results for test in result.flaky), "flaky", "flaky")
    said = _said([result for result in after.results if result.flaky]) if flaky else ""
    return f"{flaky} ({said})" if said else flaky


def _said(results: Iterable[CheckResult]) -> str:
    """What failures say of the machine or of chance."""
    signs = dict.fromkeys(sign for result in results for sign in result.signs)
    return f"it says: {', '.join(signs)}" if signs else ""


def _partial_notes(after: Evidence) -> Iterator[str]:
    """What failed only as it did before, and may have hidden what comes behind."""
    return (f"partial: {readable(result.partial)}" for result in after.results if result.partial)


def note(tests: Iterable[str], one: str, many: str) -> str:
    """`2 new failures: tests/test_a.py::test_x, tests/test_a.py::test_y`; at most three by name; empty for none."""
    distinct = list(dict.fromkeys(tests))
    if not distinct:
        return ""
    return f"{len(distinct)} {one if len(distinct) == 1 else many}: {listed(distinct)}"


def listed(tests: Sequence[str]) -> str:
    """Names for people; at most three."""
    shown = [name if len(name) <= 120 else f"{name[:119]}…" for name in map(readable, tests[:3])]
    return ", ".join([*shown, *(["…"] if len(tests) > 3 else [])])
