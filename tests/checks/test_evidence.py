from dataclasses import replace

import pytest

from agentflow.checks.evidence import environment_verdict, judge, known_failures
from agentflow.checks.old_tests import Held, altered
from agentflow.checks.red_green import gains
from agentflow.domain.attempts import Outcome
from agentflow.domain.evidence import Change, CheckResult, Evidence, Obstacle, Rewriting, TestOutcomes

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


def verdict(before, after, promised=(), changes=(SOURCE,), drops=()):
    baseline = None if before is None else Evidence("before", (before,) if before != "no check" else ())
    return judge(baseline, Evidence("after", (after,) if after else ()), promised, changes, drops=drops)


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
        (["[new]", "[same]"], TEST_A, PASSED),
        (["[same]"], TEST_A, TAMPERED),
    ],
)
def test_parameters_may_be_named_anew_as_long_as_none_is_missing(now, change, outcome):
    before = ran([f"{A}[old]", f"{A}[same]"])
    assert verdict(before, ran([A + name for name in now]), changes=[change]).outcome is outcome


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (ran([f"{A}[12:00]"]), ran([f"{A}[12:01]"]), PASSED),
        (ran([B], [f"{A}[12:00]"]), ran([B], [f"{A}[12:01]"]), PASSED),
        (ran([B], [f"{A}[12:00]"]), ran([B], [f"{A}[12:01]", f"{A}[12:02]"]), CHECKS_FAILED),
        (ran([f"{A}[12:00]"]), ran([], [f"{A}[12:01]"]), CHECKS_FAILED),
    ],
)
def test_parameters_that_hold_a_time_are_matched_by_function_and_count(before, after, outcome):
    assert verdict(before, after).outcome is outcome


@pytest.mark.parametrize(
    ("drops", "outcome"),
    [
        ((), TAMPERED),
        ((A,), PASSED),
        (("tests/test_a.py",), PASSED),
        (("tests/test_*.py::test_a",), PASSED),
        (("tests/*.py",), PASSED),
        ((A[:-2],), TAMPERED),
        ((B,), TAMPERED),
    ],
)
def test_a_test_that_the_plan_lets_go_may_vanish(drops, outcome):
    assert verdict(ran([A, B]), ran([B]), changes=[TEST_A], drops=drops).outcome is outcome


def test_what_was_not_run_because_a_promise_failed_earlier_has_not_failed():
    first, second = plain(1, "test -f a"), ran([A, B])
    found = judge(Evidence("t", (second,)), Evidence("t", (first,)), ["test -f a", "pytest a"], [SOURCE])
    assert (found.outcome, found.reason) == (CHECKS_FAILED, "test -f a: exit code 1")
    complete = judge(Evidence("t", (second,)), Evidence("t", (plain(0, "test -f a"),)), ["test -f a"], [SOURCE])
    assert complete.reason == f"{ALL}: gave no result"


def doubtful(*doubts):
    return replace(ran([A]), doubts=doubts)


def test_a_result_that_is_doubtful_only_after_the_change_is_tampering():
    found = verdict(ran([A]), doubtful("the report was written by the tests"))
    assert (found.outcome, found.reason) == (TAMPERED, f"{ALL}: not believed: the report was written by the tests")
    assert verdict(None, doubtful("forged"), [ALL]).outcome is TAMPERED


def test_a_crash_that_cuts_a_report_short_is_a_failure_and_no_tampering():
    crashed = replace(plain(139, ALL), doubts=("the report was cut short",))
    assert verdict(ran([A]), crashed).outcome is CHECKS_FAILED


def test_a_result_that_was_doubtful_before_does_not_count_as_passed():
    found = verdict(doubtful("loads lib/x.py of the checkout"), doubtful("loads lib/x.py of the checkout"))
    assert found.outcome is PASSED
    assert found.reason == f"0 checks passed; {ALL} not believed: loads lib/x.py of the checkout"


def hindered(what, command=ALL):
    return replace(plain(127, command), obstacle=Obstacle(what, "npm ci"))


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (hindered("mocha is not there"), hindered("mocha is not there"), "mocha is not there"),
        (ran([A]), hindered("mocha is not there"), None),
        (hindered("mocha is not there"), hindered("chai is not there"), None),
        (hindered("No module named 'adder'"), hindered("No module named 'adder'"), None),
        (None, hindered("mocha is not there"), None),
        (hindered("mocha is not there"), plain(1, ALL), None),
    ],
)
def test_what_cannot_run_at_the_base_either_is_the_environments_fault(before, after, reason):
    base = Evidence("t", (before,) if before else ())
    found = environment_verdict(base, Evidence("t", (after,)), ["src/**", "lib/adder.py"])
    assert (found and found.outcome) is (Outcome.ENVIRONMENT if reason else None)
    assert reason is None or (reason in found.reason and "npm ci" in found.reason)


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
        (verdict(None, plain(None), ["make test"]), "make test: ran out of time after 1 s"),
        (verdict(ran([A]), ran([A, B], flaky=[B])), f"1 check passed; 1 flaky: {B}"),
        (verdict(ran([A], [B]), ran([A], [B])), f"0 checks passed; 1 known failure: {B}"),
        (verdict(None, ran([], ["a\nb\x1b[2J"])), "1 new failure: a\\nb\\x1b[2J"),
        (verdict(None, None), ""),
        (verdict(plain(1), plain(1)), "0 checks passed; make test fails as it did before, which proves nothing"),
        (verdict(ran([A]), ran([A], skipped=[B])), f"1 check passed; 1 new skip: {B}"),
        (
            verdict(ran([A], skipped=[B, C]), ran([A], skipped=[B, C])),
            f"1 check passed; 2 of 3 tests skipped by {ALL}",
        ),
    ],
)
def test_the_reason_is_one_line_for_people(found, reason):
    assert found.reason == reason


def test_what_failed_in_the_baseline_may_fail_again_unless_the_subtask_promised_it():
    baseline = Evidence("before", (ran([A], [B]), ran([A], [C], command="pytest tests"), plain(1)))
    assert known_failures(baseline, ["pytest tests"]) == {ALL: (B,)}


def test_a_suite_of_a_hundred_thousand_tests_is_judged_in_one_pass():
    many = [f"tests/test_{n % 100}.py::test_many[{n}]" for n in range(100_000)]
    before, after = Evidence("before", (ran(many[5:], many[:5]),)), Evidence("after", (ran(many),))
    assert judge(before, after, [ALL], [SOURCE]).outcome is PASSED
    assert [gain.test for gain in gains(before, after)] == many[:5]
    assert judge(after, before, [], [SOURCE]).reason.startswith("5 new failures")
    assert altered(after, before, [Held(ALL, ALL)], ()) == tuple(many[:5])


def rewrote(result, *files, settles=True):
    return replace(result, rewriting=Rewriting(files, "--- a/app.py\n+x = 1\n", settles))


@pytest.mark.parametrize(
    ("before", "after", "promised", "outcome"),
    [
        (plain(0), rewrote(plain(0), "app.py"), (), CHECKS_FAILED),
        (ran([A]), rewrote(ran([A]), "golden.txt"), (), CHECKS_FAILED),
        (rewrote(plain(0), "stamp.txt"), rewrote(plain(0), "stamp.txt"), (), PASSED),
        (rewrote(plain(0), "stamp.txt"), rewrote(plain(0), "stamp.txt", "app.py"), (), CHECKS_FAILED),
        (rewrote(plain(1), "old.py"), rewrote(plain(1), "old.py"), (), PASSED),
        (rewrote(plain(1), "old.py"), rewrote(plain(1), "old.py", "new.py"), (), CHECKS_FAILED),
        ("no check", rewrote(plain(0), "app.py"), ("make test",), CHECKS_FAILED),
        (rewrote(plain(0), "stamp.txt"), rewrote(plain(0), "stamp.txt"), ("make test",), CHECKS_FAILED),
        (rewrote(plain(0), "app.py"), plain(0), (), PASSED),
    ],
)
def test_a_check_that_changes_what_it_judges_passes_only_where_it_always_did(before, after, promised, outcome):
    assert verdict(before, after, promised).outcome is outcome


@pytest.mark.parametrize(("settles", "then"), [(True, "make this change yourself"), (False, "is not content either")])
def test_the_change_that_a_check_makes_is_put_to_the_agent(settles, then):
    found = verdict(plain(0), rewrote(plain(0), "app.py", settles=settles))
    assert "make test changes what it judges: app.py" in found.reason
    assert then in found.digest
    assert "+x = 1" in found.digest


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            replace(ran([A], [B]), signs=("address in use",)),
            "1 new failure: tests/test_b.py::test_b; it says: address in use",
        ),
        (replace(plain(None), signs=("time-out",)), "make test: ran out of time after 1 s; it says: time-out"),
        (replace(plain(137), signs=("killed",)), "make test: exit code 137; it says: killed"),
    ],
)
def test_known_signatures_are_named_beside_the_failure(result, said):
    found = verdict(replace(ran([A, B]), command=result.command), result)
    assert found.reason == said
    assert f"Said on the way: {result.signs[0]}" in found.digest


def test_known_signatures_are_named_beside_what_was_flaky():
    assert (
        "(it says: address in use)" in verdict(ran([A]), replace(ran([A], flaky=[A]), signs=("address in use",))).reason
    )


def test_a_check_that_came_to_no_end_says_so_in_what_passes():
    after = replace(ran([A], [B]), partial="phpunit stops at its first failure")
    assert "partial: phpunit stops at its first failure" in verdict(ran([A], [B]), after).reason


def test_a_check_that_found_nothing_to_look_at_is_no_check_passed():
    found = verdict(plain(0), replace(plain(0), idle=True))
    assert (found.outcome, found.reason) == (PASSED, "0 checks passed; make test found nothing to look at")
