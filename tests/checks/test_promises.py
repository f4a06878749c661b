"""What landed work showed and has to go on showing."""

from __future__ import annotations

import pytest

from agentflow.checks.promises import brought, gained_tests, not_standing
from agentflow.domain.evidence import CheckResult, Evidence, TestOutcomes

OLD, NEW, OTHER = "tests/test_a.py::test_old", "tests/test_a.py::test_new", "tests/test_b.py::test_other"


def result(command, passed=(), failed=(), **more):
    return CheckResult(
        command, int(bool(failed)), 0.0, TestOutcomes(passed=tuple(passed), failed=tuple(failed)), **more
    )


def shown(*results):
    return Evidence("tree", results)


def test_what_a_promised_command_passed_is_owed_whole_and_of_the_suite_only_what_is_new():
    base = shown(result("suite", [OLD], [OTHER]))
    after = shown(result("suite", [OLD, NEW], [OTHER]), result("own", [OLD, NEW]), CheckResult("lint", 0, 0.0))
    own = brought(base, after, ["own", "lint"])
    assert {command: one.tests.passed for command, one in own.items()} == {"suite": (NEW,), "own": (OLD, NEW)}
    assert gained_tests(base, after, ["own", "lint"]) == {NEW}


def test_a_suite_that_nobody_ran_at_the_base_owes_nothing():
    assert brought(shown(), shown(result("suite", [OLD])), ["own"]) == {}


@pytest.mark.parametrize(
    ("now", "drops", "lost"),
    [
        (result("own", [NEW, OTHER]), (), ()),
        (result("own", [OTHER]), (), (NEW,)),
        (result("own", [OTHER], [NEW]), (), (NEW,)),
        (result("own", []), (), (NEW,)),
        (CheckResult("own", 0, 0.0, TestOutcomes(skipped=(NEW,))), (), (NEW,)),
        (CheckResult("own", 0, 0.0, TestOutcomes(passed=(NEW,)), flaky=(NEW,)), (), ()),
        (result("own", [OTHER]), (NEW,), ()),
        (result("own", [OTHER]), ("tests/test_a.py",), ()),
        (result("own", ["tests/moved/test_a.py::test_new"]), (), ()),
    ],
)
def test_a_green_test_has_to_be_green_in_the_sum_unless_the_plan_lets_it_go(now, drops, lost):
    assert not_standing(result("own", [NEW]), now, drops) == lost


def test_parameters_named_after_a_moment_are_counted():
    own, now = result("own", ["t.py::f[10:00]", "t.py::f[10:01]"]), ["t.py::f[11:00]", "t.py::f[11:01]"]
    assert not_standing(own, result("own", now), ()) == ()
    assert len(not_standing(own, result("own", now[:1]), ())) == 2
