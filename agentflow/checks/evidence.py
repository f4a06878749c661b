"""The evidence rules: what the checks must show before work counts as done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from agentflow.checks.comparison import Comparison, Touched, compare
from agentflow.checks.digest import failure_digest
from agentflow.checks.tamper import readable
from agentflow.domain.attempts import Outcome, Verdict
from agentflow.domain.evidence import Change, CheckResult, Evidence


def judge(baseline: Evidence | None, after: Evidence, promised: Collection[str], changes: Sequence[Change]) -> Verdict:
    """Judge an attempt by its checks: no new failure, and what the subtask promised now passes.

    `promised` are the subtask's own commands: each must exit 0. Every other command may fail only as it did in the
    baseline; without a baseline it must not fail at all. A test that ran in the baseline and is now skipped, marked
    as an expected failure or gone is not a pass, and `tampered` when the diff touches the tests that judge it.
    A command without a result has failed.
    """
    compared = _compare_all(baseline or Evidence(""), after, promised, changes)
    failed = [comparison for comparison in compared if not comparison.is_good]
    if not failed:
        return Verdict(Outcome.PASSED, _pass_reason(after, compared))
    outcome = Outcome.TAMPERED if any(c.tampered for c in failed) else Outcome.CHECKS_FAILED
    return Verdict(outcome, _failure_reason(failed, after), failure_digest(failed))


def known_failures(baseline: Evidence, promised: Collection[str]) -> dict[str, tuple[str, ...]]:
    """By command, the tests that failed in the baseline and may fail again; a promised command may not."""
    excused = (result for result in baseline.results if result.command not in promised)
    return {result.command: result.tests.failed for result in excused if result.tests}


def is_proven(after: Evidence) -> bool:
    """Whether any check could judge the work: a test passed, or a command without a per-test report did."""
    return any(map(_proves, after.results))


def _proves(result: CheckResult) -> bool:
    return result.passed if result.tests is None else bool(result.tests.passed)


def _compare_all(
    baseline: Evidence, after: Evidence, promised: Collection[str], changes: Sequence[Change]
) -> list[Comparison]:
    others = (result.command for result in (*baseline.results, *after.results))
    touched = Touched.by(changes)
    return [
        compare(c, baseline.result(c), after.result(c), promised=c in promised, touched=touched)
        for c in dict.fromkeys((*promised, *others))
    ]


def _pass_reason(after: Evidence, compared: Sequence[Comparison]) -> str:
    if not compared:
        return "unproven: this repository has no check"
    if not is_proven(after):
        return "unproven: nothing failed anew, but no check passed"
    passed = sum(result.passed for result in after.results)
    known = (test for comparison in compared for test in comparison.known_failures)
    notes = (
        f"{passed} check{'s' * (passed != 1)} passed",
        _note(known, "known failure", "known failures"),
        _flaky_note(after),
    )
    return "; ".join(filter(None, notes))


def _failure_reason(failed: Sequence[Comparison], after: Evidence) -> str:
    touched = "by a change to the tests " if any(c.tampered for c in failed) else ""
    notes = (
        _note((test for c in failed for test in c.new_failures), "new failure", "new failures"),
        _note((t for c in failed for t in c.lost), f"test lost {touched}".strip(), f"tests lost {touched}".strip()),
        *(f"{readable(c.command)}: {c.fault}" for c in failed if c.fault and not c.new_failures),
        _note((t for c in failed if c.fault for t in c.known_failures), "test still fails", "tests still fail"),
        _flaky_note(after),
    )
    return "; ".join(filter(None, notes))


def _flaky_note(after: Evidence) -> str:
    return _note((test for result in after.results for test in result.flaky), "flaky", "flaky")


def _note(tests: Iterable[str], one: str, many: str) -> str:
    """`2 new failures: tests/test_a.py::test_x, tests/test_a.py::test_y`; at most three by name."""
    distinct = [readable(test) for test in dict.fromkeys(tests)]
    if not distinct:
        return ""
    shown = ", ".join(name if len(name) <= 120 else f"{name[:119]}…" for name in distinct[:3])
    return f"{len(distinct)} {one if len(distinct) == 1 else many}: {shown}{', …' if len(distinct) > 3 else ''}"
