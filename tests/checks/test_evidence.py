import pytest

from agentflow.checks.evidence import is_proven, judge, known_failures
from agentflow.domain.attempts import Outcome
from agentflow.domain.evidence import Change, CheckResult, Evidence, TestOutcomes

ALL = "python -m pytest -q"
A, B, C = (f"tests/test_{name}.py::test_{name}" for name in "abc")
SOURCE = Change("src/a.py", "M")
TEST_A = Change("tests/test_a.py", "M")
PASSED, CHECKS_FAILED, TAMPERED = Outcome.PASSED, Outcome.CHECKS_FAILED, Outcome.TAMPERED


def ran(passed=(), failed=(), skipped=(), xfailed=(), flaky=(), code=None, command=ALL) -> CheckResult:
    outcomes = TestOutcomes(tuple(passed), tuple(failed), tuple(skipped), tuple(xfailed))
    return CheckResult(command, (1 if failed else 0) if code is None else code, 1.0, outcomes, tuple(flaky))


def plain(code: int | None, command: str = "make test") -> CheckResult:
    return CheckResult(command, code, 1.0)


def verdict(before, after, promised=(), changes=(SOURCE,)):
    baseline = None if before is None else Evidence("before", (before,) if before != "no check" else ())
    return judge(baseline, Evidence("after", (after,) if after else ()), promised, changes)


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (ran([A, B]), ran([A, B]), PASSED),
        (ran([A]), ran([A, B]), PASSED),
        (ran([A], [B]), ran([A, B]), PASSED),
        (ran([A], [B]), ran([A], [B]), PASSED),
        (ran([A, B]), ran([A], [B]), CHECKS_FAILED),
        (ran([A]), ran([A], [B]), CHECKS_FAILED),
        (ran([A], [B]), ran([A], [C]), CHECKS_FAILED),
        (ran([A, B]), ran([A]), CHECKS_FAILED),
        (ran([A, B]), ran([A], skipped=[B]), CHECKS_FAILED),
        (ran([A], [B]), ran([A]), CHECKS_FAILED),
        (ran([A], skipped=[B]), ran([A]), PASSED),
        (ran([A], skipped=[B]), ran([A], skipped=[B]), PASSED),
        (ran([A], skipped=[B]), ran([A], [B]), CHECKS_FAILED),
        (ran([A], xfailed=[B]), ran([A], xfailed=[B]), PASSED),
        (ran([A], xfailed=[B]), ran([A, B]), PASSED),
        (ran([A, B]), ran([A], xfailed=[B]), PASSED),
        (ran([A, B], flaky=[B]), ran([A], [B]), PASSED),
        (ran([A, B]), ran([A, B], flaky=[B]), PASSED),
        (ran([A]), ran([A], code=1), CHECKS_FAILED),
        (ran([A], code=1), ran([A], code=1), PASSED),
        (ran([A], [B]), ran([A], code=3), CHECKS_FAILED),
        (ran([A]), plain(1, ALL), CHECKS_FAILED),
        (ran([A]), plain(None, ALL), CHECKS_FAILED),
        (ran([A]), plain(0, ALL), CHECKS_FAILED),
        (ran([A]), ran(code=5), CHECKS_FAILED),
        (ran([A], [B]), plain(1, ALL), CHECKS_FAILED),
        (ran(code=4), ran([A], [B]), PASSED),
        (plain(0), plain(0), PASSED),
        (plain(0), plain(1), CHECKS_FAILED),
        (plain(0), plain(None), CHECKS_FAILED),
        (plain(1), plain(1), PASSED),
        (plain(1), plain(0), PASSED),
        (plain(None), plain(None), PASSED),
        (plain(0), None, CHECKS_FAILED),
        (None, plain(1), CHECKS_FAILED),
        (None, ran([A], [B]), CHECKS_FAILED),
        (None, ran([A]), PASSED),
        ("no check", plain(1), CHECKS_FAILED),
        ("no check", None, PASSED),
        (None, None, PASSED),
    ],
)
def test_a_command_that_was_not_promised_may_fail_only_as_before(before, after, outcome):
    assert verdict(before, after).outcome is outcome


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (ran([A], [B]), ran([A, B]), PASSED),
        (ran([A], [B]), ran([A], [B]), CHECKS_FAILED),
        (ran([A, B], flaky=[B]), ran([A], [B]), CHECKS_FAILED),
        (ran([A], code=1), ran([A], code=1), CHECKS_FAILED),
        (None, ran([A]), PASSED),
        (None, ran([A], [B], code=0), CHECKS_FAILED),
        (None, ran(code=5), CHECKS_FAILED),
        (None, plain(0, ALL), PASSED),
        (plain(1, ALL), plain(1, ALL), CHECKS_FAILED),
        (plain(None, ALL), plain(None, ALL), CHECKS_FAILED),
        (None, None, CHECKS_FAILED),
        (ran([A], [B]), ran([A]), CHECKS_FAILED),
    ],
)
def test_a_promised_command_must_exit_0(before, after, outcome):
    assert verdict(before, after, [ALL]).outcome is outcome


@pytest.mark.parametrize(
    ("after", "change", "outcome"),
    [
        (ran([B]), Change("tests/test_a.py", "D"), TAMPERED),
        (ran([B]), TEST_A, TAMPERED),
        (ran([B], skipped=[A]), TEST_A, TAMPERED),
        (ran([B], xfailed=[A]), TEST_A, TAMPERED),
        (ran([B], skipped=[A]), Change("tests/conftest.py", "A"), TAMPERED),
        (ran([B]), Change("pyproject.toml", "M"), TAMPERED),
        (plain(0, ALL), TEST_A, TAMPERED),
        (ran([B]), Change("tests/test_b.py", "M"), CHECKS_FAILED),
        (ran([B]), SOURCE, CHECKS_FAILED),
        (ran([B], [A]), TEST_A, CHECKS_FAILED),
        (ran([], ["tests/test_a.py"]), TEST_A, CHECKS_FAILED),
        (ran([A, B, C]), TEST_A, PASSED),
    ],
)
def test_losing_a_test_by_touching_the_tests_is_tampering(after, change, outcome):
    assert verdict(ran([A, B]), after, changes=[change]).outcome is outcome


def test_deleting_a_failing_test_is_tampering_even_when_the_promise_then_holds():
    changes = [Change("tests/test_b.py", "D")]
    assert verdict(ran([A], [B]), ran([A]), [ALL], changes).outcome is TAMPERED


def test_a_test_that_moved_to_another_file_is_not_lost():
    moves = [Change("tests/test_a.py", "D"), Change("tests/unit/test_a.py", "A")]
    assert verdict(ran([A, B]), ran(["tests/unit/test_a.py::test_a", B]), changes=moves).passed


def test_a_namesake_that_always_ran_does_not_stand_in_for_a_deleted_test():
    namesake = "tests/test_b.py::test_a"
    assert verdict(ran([A, namesake]), ran([namesake]), changes=[TEST_A]).outcome is TAMPERED


def test_a_file_that_did_not_load_before_is_replaced_by_its_tests():
    before = ran([], ["tests/test_a.py"], code=2)
    assert verdict(before, ran([A]), [ALL]).passed
    assert verdict(before, ran([], [A])).passed
    assert verdict(before, ran(), changes=[Change("tests/test_a.py", "D")]).outcome is TAMPERED


@pytest.mark.parametrize(
    ("now", "change", "outcome"),
    [
        (["[new]", "[same]"], SOURCE, PASSED),
        (["[same]"], SOURCE, CHECKS_FAILED),
        (["[new]", "[same]"], TEST_A, TAMPERED),
    ],
)
def test_parameters_named_after_the_code_may_be_renamed_by_the_code(now, change, outcome):
    before = ran([f"{A}[old]", f"{A}[same]"])
    assert verdict(before, ran([A + name for name in now]), changes=[change]).outcome is outcome


def test_every_command_counts():
    baseline = Evidence("t", (ran([A]), plain(0)))
    after = Evidence("t", (ran([A]), plain(2)))
    found = judge(baseline, after, [ALL], [SOURCE])
    assert found.outcome is CHECKS_FAILED
    assert found.reason == "make test: exit code 2"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (verdict(ran([A, B]), ran([], [A, B])), f"2 new failures: {A}, {B}"),
        (verdict(ran([A]), ran([], [A])), f"1 new failure: {A}"),
        (verdict(None, ran([], list("vwxyz"))), "5 new failures: v, w, x, …"),
        (verdict(ran([A, B]), ran([A])), f"1 test lost: {B}"),
        (verdict(ran([A]), ran(), changes=[TEST_A]), f"1 test lost by a change to the tests: {A}"),
        (verdict(None, None, ["make test"]), "make test: gave no result"),
        (verdict(None, plain(None), ["make test"]), "make test: ran out of time"),
        (verdict(ran([A]), ran([A, B], flaky=[B])), f"1 check passed; 1 flaky: {B}"),
        (verdict(ran([A], [B]), ran([A], [B])), f"0 checks passed; 1 known failure: {B}"),
        (verdict(None, ran([], ["a\nb\x1b[2J"])), "1 new failure: a\\nb\\x1b[2J"),
        (verdict(None, None), "unproven: this repository has no check"),
        (verdict(plain(1), plain(1)), "unproven: nothing failed anew, but no check passed"),
    ],
)
def test_the_reason_is_one_line_for_people(found, reason):
    assert found.reason == reason


@pytest.mark.parametrize(
    ("results", "proven"),
    [
        ((), False),
        ((plain(0),), True),
        ((plain(1),), False),
        ((ran([A]),), True),
        ((ran([A], [B]),), True),
        ((ran(skipped=[A]),), False),
        ((ran(xfailed=[A]),), False),
        ((plain(1), plain(0, "x")), True),
    ],
)
def test_work_is_proven_when_something_passed(results, proven):
    assert is_proven(Evidence("t", results)) is proven


def test_what_failed_in_the_baseline_may_fail_again_unless_the_subtask_promised_it():
    baseline = Evidence("before", (ran([A], [B]), ran([A], [C], command="pytest tests"), plain(1)))
    assert known_failures(baseline, ["pytest tests"]) == {ALL: (B,)}
