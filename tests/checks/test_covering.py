from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.checks.covering import covers
from agentflow.domain.evidence import CheckResult, Obstacle, TestOutcomes

IN_A = ("tests/test_a.py::test_one", "tests/test_a.py::test_two")
IN_B = ("tests/test_b.py::test_one",)
SUITE = CheckResult("python -m pytest -q", 0, 1.0, TestOutcomes(passed=(*IN_A, *IN_B)))
NARROW = CheckResult("python -m pytest -q tests/test_a.py", 0, 1.0, TestOutcomes(passed=IN_A))


def test_the_suite_covers_its_own_command_with_files_added_when_all_their_tests_pass_in_it():
    assert covers(SUITE, NARROW)


@pytest.mark.parametrize(
    "place", ["tests", "tests/", "./tests/test_a.py", "tests/test_a.py::test_one", "'tests/test_a.py'"]
)
def test_files_may_be_named_in_every_way_a_runner_takes(place):
    assert covers(SUITE, replace(NARROW, command=f"python -m pytest -q {place}"))


def test_a_failure_elsewhere_in_the_suite_does_not_matter():
    tests = TestOutcomes(passed=IN_A, failed=IN_B)
    assert covers(replace(SUITE, exit_code=1, tests=tests), NARROW)


@pytest.mark.parametrize(
    "tests",
    [
        TestOutcomes(passed=IN_A[:1], skipped=IN_A[1:]),
        TestOutcomes(passed=IN_A[:1], failed=IN_A[1:]),
        TestOutcomes(passed=IN_A, failed=("tests/test_a.py::test_three",)),
        TestOutcomes(passed=IN_A, failed=("tests/test_a.py",)),
        TestOutcomes(passed=IN_B),
        None,
    ],
)
def test_a_test_that_is_skipped_fails_or_is_not_there_is_not_covered(tests):
    assert not covers(replace(SUITE, tests=tests), NARROW)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pytest -q -m slow tests/test_a.py",
        "python -m pytest -q tests/test_a.py -k one",
        "python -m pytest tests/test_a.py",
        "python -m pytest -q tests/test_a.py && grep -q good a.py",
        "python -m pytest -q tests/test_a.py; true",
        "CI=1 python -m pytest -q tests/test_a.py",
        "python -m pytest -q 'tests/test_a.py",
        "python -m pytest -q",
        "grep -q good a.py",
    ],
)
def test_another_command_is_not_covered(command):
    assert not covers(SUITE, replace(NARROW, command=command))


def test_what_ran_no_reported_test_or_is_unknown_is_not_covered():
    assert not covers(SUITE, replace(NARROW, tests=None))
    assert not covers(SUITE, replace(NARROW, tests=TestOutcomes()))
    assert not covers(SUITE, None)


def test_a_suite_that_is_not_believed_or_could_not_run_covers_nothing():
    assert not covers(replace(SUITE, doubts=("code loaded from elsewhere",)), NARROW)
    assert not covers(replace(SUITE, obstacle=Obstacle("no pytest")), NARROW)
