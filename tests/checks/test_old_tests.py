"""Old tests, new code: what is run, and what counts as behaviour that changed."""

import pytest

from agentflow.checks.old_tests import Held, altered, held, touched_tests
from agentflow.domain.evidence import Change, CheckResult, Evidence, TestOutcomes

ALL, PLAIN = "python -m pytest -q", "make test"
A, B = "tests/test_a.py::test_a", "tests/test_b.py::test_b"
FILE = "tests/test_a.py"


def ran(passed=(), failed=(), flaky=(), command=ALL, code=None) -> CheckResult:
    outcomes = TestOutcomes(tuple(passed), tuple(failed))
    return CheckResult(command, (1 if failed else 0) if code is None else code, 1.0, outcomes, tuple(flaky))


def plain(code: int, command: str = PLAIN) -> CheckResult:
    return CheckResult(command, code, 1.0)


def evidence(*results: CheckResult) -> Evidence:
    return Evidence("t", results)


def narrow(command, files):
    return f"{command} {' '.join(files)}" if command == ALL else None


@pytest.mark.parametrize(
    ("change", "named", "touched"),
    [
        (Change(FILE, "M"), (), True),
        (Change(FILE, "D"), (), True),
        (Change("tests/golden.txt", "M"), (), True),
        (Change("tests/conftest.py", "A"), (), True),
        (Change(FILE, "A"), (), False),
        (Change("src/a.py", "M"), (), False),
        (Change(FILE, "M"), (FILE,), False),
        (Change(FILE, "M"), (A,), True),
    ],
)
def test_tests_that_were_there_are_held_unless_the_plan_names_their_file(change, named, touched):
    assert bool(touched_tests([change], named)) is touched


@pytest.mark.parametrize(
    ("before", "touched", "lines"),
    [
        ([ran([A, B])], [FILE], [f"{ALL} {FILE}"]),
        ([ran([A, B])], [FILE, "tests/test_b.py"], [f"{ALL} {FILE} tests/test_b.py"]),
        ([ran([A, B]), ran([A], command="tox")], [FILE], [f"{ALL} {FILE}"]),
        ([ran([A, B], command="tox")], [FILE], ["tox"]),
        ([ran([A, B])], ["core/tests/test_a.py"], [f"{ALL} {FILE}"]),
        ([plain(0)], ["a.test.js"], [PLAIN]),
        ([plain(1)], ["a.test.js"], []),
        ([ran(["pkg.TestA"], command="go test")], ["a_test.go"], ["go test"]),
        ([ran([B], [A])], [FILE], []),
        ([ran([A]), plain(0)], [FILE], [f"{ALL} {FILE}"]),
        ([ran([A]), plain(0), plain(1, "lint")], ["tests/golden.txt"], [ALL, PLAIN]),
        ([], [FILE], []),
    ],
)
def test_as_little_as_can_be_is_run_with_the_old_tests(before, touched, lines):
    assert [one.line for one in held(evidence(*before), touched, narrow)] == lines


ONE = Held(ALL, f"{ALL} {FILE}", (FILE,))


@pytest.mark.parametrize(
    ("before", "then", "named", "broken"),
    [
        (ran([A, B]), ran([A], command=ONE.line), (), []),
        (ran([A, B]), ran([], [A], command=ONE.line), (), [A]),
        (ran([A, B]), ran([], [A], command=ONE.line), (A,), []),
        (ran([A, B]), ran([], [A], command=ONE.line), ("tests/**",), []),
        (ran([A, B]), ran([], [A], command=ONE.line), (B,), [A]),
        (ran([A, B]), ran([], [FILE], command=ONE.line), (), [A]),
        (ran([A, B]), plain(2, ONE.line), (), [A]),
        (ran([B], [A]), ran([], [A], command=ONE.line), (), []),
        (ran([A, B], flaky=[A]), ran([], [A], command=ONE.line), (), []),
        (ran([f"{A}[12:00]"]), ran([f"{A}[12:01]"], command=ONE.line), (), []),
        (ran([f"{A}[1]"]), ran([], [f"{A}[1]"], command=ONE.line), (A,), []),
    ],
)
def test_what_passed_before_and_fails_on_the_new_code_is_altered(before, then, named, broken):
    assert list(altered(evidence(before), evidence(then), [ONE], named)) == broken


@pytest.mark.parametrize(("code", "broken"), [(0, []), (1, [PLAIN])])
def test_a_command_stands_for_tests_that_nobody_reports(code, broken):
    assert list(altered(evidence(plain(0)), evidence(plain(code)), [Held(PLAIN, PLAIN)], ())) == broken
