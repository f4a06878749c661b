"""What a change proves, told by the results of its checks before and after. Each row is a way to get merged."""

from dataclasses import replace

import pytest

from agentflow.checks.red_green import Gain, gains, independent, own_tests, weigh
from agentflow.domain.evidence import Change, CheckResult, Evidence, Obstacle, Proof, TestOutcomes
from agentflow.domain.plans import Kind

ALL, ONE, PLAIN = "python -m pytest -q", "python -m pytest -q tests/test_a.py", "make test"
GREP = "grep -q 'run pytest' README.md"
A, B, C = (f"tests/test_{name}.py::test_{name}" for name in "abc")


def ran(passed=(), failed=(), skipped=(), flaky=(), code=None, command=ALL) -> CheckResult:
    outcomes = TestOutcomes(tuple(passed), tuple(failed), tuple(skipped))
    return CheckResult(command, (1 if failed else 0) if code is None else code, 1.0, outcomes, tuple(flaky))


def plain(code: int | None, command: str = PLAIN, flaky: bool = False) -> CheckResult:
    return CheckResult(command, code, 1.0, flaky=(command,) if flaky else ())


def doubtful(result):
    return replace(result, doubts=("forged",))


def evidence(*results: CheckResult) -> Evidence:
    return Evidence("t", results)


@pytest.mark.parametrize(
    ("before", "after", "gained"),
    [
        ([ran([A], [B])], [ran([A, B])], [Gain(ALL, B)]),
        ([ran([A])], [ran([A, B])], [Gain(ALL, B)]),
        ([ran([A], skipped=[B])], [ran([A, B])], [Gain(ALL, B)]),
        ([ran([], ["tests/test_a.py"], code=2)], [ran([A])], [Gain(ALL, A)]),
        ([plain(4, ONE)], [ran([A], command=ONE)], [Gain(ONE, A), Gain(ONE)]),
        ([plain(1)], [plain(0)], [Gain(PLAIN)]),
        ([plain(None)], [plain(0)], [Gain(PLAIN)]),
        ([replace(plain(127), obstacle=Obstacle("no module"))], [plain(0)], [Gain(PLAIN)]),
        ([ran([A], code=1)], [ran([A])], [Gain(ALL)]),
        # A comment, a changelog, a suite that merely stays as it is.
        ([ran([A, B])], [ran([A, B])], []),
        ([plain(0)], [plain(0)], []),
        ([plain(1)], [plain(1)], []),
        ([ran([A], [B])], [ran([A], [B])], []),
        # A check that was never run before the change.
        ([], [ran([A])], []),
        # Chance: flaky before or after, or seen passing before by another check.
        ([ran([A, B], flaky=[B])], [ran([A, B])], []),
        ([ran([A], [B])], [ran([A, B], flaky=[B])], []),
        ([plain(1)], [plain(0, flaky=True)], []),
        ([ran([A]), ran([], [A], command=ONE)], [ran([A]), ran([A], command=ONE)], []),
        ([ran([], [A]), ran([], [A], command=ONE)], [ran([], [A]), ran([A], command=ONE)], []),
        # Parameters that hold a time, and one that is really new.
        ([ran([f"{A}[12:00]"])], [ran([f"{A}[12:01]"])], []),
        ([ran([f"{A}[1]"])], [ran([f"{A}[1]", f"{A}[2]"])], [Gain(ALL, f"{A}[2]")]),
        ([ran([], [f"{A}[12:00]"])], [ran([f"{A}[12:01]"])], [Gain(ALL, f"{A}[12:01]")]),
        # Skips: the new test does not run, or most of the suite does not.
        ([plain(4, ONE)], [ran([], skipped=[A], command=ONE)], []),
        ([ran([], code=1)], [ran([B], skipped=[C])], [Gain(ALL, B)]),
        ([ran([A], code=1)], [ran([A], skipped=[B])], []),
        ([ran([A], skipped=["x", "y", "z"])], [ran([A, B], skipped=["x", "y", "z"])], []),
        # A runner that reports wherever it begins, and does not: something else ended well in its place.
        ([plain(4, ONE)], [plain(0, ONE)], []),
        ([plain(1, "make x && uv run pytest x")], [plain(0, "make x && uv run pytest x")], []),
        ([plain(5, ".venv/bin/python -B -m unittest x")], [plain(0, ".venv/bin/python -B -m unittest x")], []),
        ([ran([A], [B], command=PLAIN)], [plain(0)], []),
        ([plain(1, GREP)], [plain(0, GREP)], [Gain(GREP)]),
        # What nobody can believe.
        ([ran([A], [B])], [doubtful(ran([A, B]))], []),
        ([doubtful(ran([A], [B]))], [ran([A, B])], []),
    ],
)
def test_red_to_green_is_what_failed_or_was_not_there_and_passes_now(before, after, gained):
    assert list(gains(evidence(*before), evidence(*after))) == gained


@pytest.mark.parametrize(
    ("kind", "before", "after", "proof"),
    [
        (Kind.IMPLEMENT, [ran([A])], [ran([A, B])], Proof.PROVEN),
        (Kind.FIX, [ran([A], [B])], [ran([A, B])], Proof.PROVEN),
        (Kind.TEST, [ran([A])], [ran([A, B])], Proof.PROVEN),
        (Kind.DOCS, [ran([A]), plain(1, "grep -q new docs")], [ran([A]), plain(0, "grep -q new docs")], Proof.PROVEN),
        (Kind.REFACTOR, [ran([A])], [ran([A])], Proof.PROVEN),
        (Kind.REFACTOR, [ran([A], [B])], [ran([A], [B])], Proof.PROVEN),
        (Kind.REFACTOR, [plain(1, "! grep old src")], [plain(0, "! grep old src")], Proof.PROVEN),
        (Kind.IMPLEMENT, [ran([A])], [ran([A])], Proof.WEAKLY_PROVEN),
        (Kind.FIX, [ran([A, B], flaky=[B])], [ran([A, B])], Proof.WEAKLY_PROVEN),
        (Kind.TEST, [ran([A])], [ran([A])], Proof.WEAKLY_PROVEN),
        (Kind.TEST, [ran([A], skipped=[B, C])], [ran([A], skipped=[B, C, "d"])], Proof.WEAKLY_PROVEN),
        (Kind.DOCS, [ran([A])], [ran([A])], Proof.WEAKLY_PROVEN),
        (Kind.REFACTOR, [plain(0)], [plain(0)], Proof.WEAKLY_PROVEN),
        (Kind.REFACTOR, [ran([A], skipped=[B, C])], [ran([A], skipped=[B, C])], Proof.WEAKLY_PROVEN),
        (Kind.IMPLEMENT, [plain(1), plain(0, "true")], [plain(1), plain(0, "true")], Proof.WEAKLY_PROVEN),
        (Kind.IMPLEMENT, [plain(1)], [plain(1)], Proof.UNPROVEN),
        (Kind.REFACTOR, [plain(1)], [plain(1)], Proof.UNPROVEN),
        (Kind.IMPLEMENT, [ran(skipped=[A])], [ran(skipped=[A])], Proof.UNPROVEN),
        (Kind.IMPLEMENT, [], [], Proof.UNPROVEN),
        (Kind.IMPLEMENT, [plain(4, ONE)], [plain(0, ONE)], Proof.UNPROVEN),
        (Kind.IMPLEMENT, [ran([A]), plain(4, ONE)], [ran([A]), plain(0, ONE)], Proof.WEAKLY_PROVEN),
        (Kind.IMPLEMENT, [plain(0, ONE)], [plain(0, ONE)], Proof.WEAKLY_PROVEN),
        (Kind.IMPLEMENT, [doubtful(ran([A])), plain(1)], [doubtful(ran([A])), plain(0)], Proof.UNPROVEN),
    ],
)
def test_what_work_rests_on_depends_on_what_changed_colour_and_on_its_kind(kind, before, after, proof):
    was, now = evidence(*before), evidence(*after)
    assert weigh(kind, was, now, gains(was, now)).proof is proof


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ([ran([A])], [ran([A, B])], f"1 went from red to green: {B}"),
        ([ran([A])], [ran([A])], "nothing that failed before passes now"),
        ([plain(1)], [plain(1)], "no check passed"),
        ([], [], "this repository has no check"),
        ([doubtful(ran([A]))], [doubtful(ran([A]))], f"{ALL} cannot be believed"),
        ([plain(4, ONE)], [plain(0, ONE)], f"{ONE} passed without a report of its tests"),
        ([ran([A]), plain(4, ONE)], [ran([A]), plain(0, ONE)], f"{ONE} passed without a report of its tests"),
    ],
)
def test_it_says_why_in_a_line(before, after, why):
    was, now = evidence(*before), evidence(*after)
    assert weigh(Kind.FIX, was, now, gains(was, now)).why == why


SOURCE, OWN, DELETED = Change("src/a.py", "M"), Change("tests/test_a.py", "M"), Change("tests/test_b.py", "D")


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ([SOURCE], [A, B, "pkg.TestX", ""]),
        ([SOURCE, DELETED], [A, B, "pkg.TestX", ""]),
        ([SOURCE, OWN], [B]),
        ([SOURCE, OWN, Change("tests/test_b.py", "A")], []),
        ([SOURCE, Change("core/tests/test_a.py", "A")], [B]),
        ([SOURCE, Change("tests/golden.txt", "M")], []),
        ([SOURCE, Change("conftest.py", "A")], []),
    ],
)
def test_the_changes_own_tests_do_not_vouch_for_it(changes, counted):
    gained = [Gain(ALL, test) for test in (A, B, "pkg.TestX", "")]
    assert [gain.test for gain in independent(gained, own_tests(changes))] == counted


@pytest.mark.parametrize(
    ("seen", "proof"),
    [
        ({"partial": "phpunit stops at its first failure"}, Proof.WEAKLY_PROVEN),
        ({}, Proof.PROVEN),
    ],
)
def test_where_only_a_part_was_seen_nothing_is_proven(seen, proof):
    before, after = evidence(ran([A], [B, C])), evidence(replace(ran([A, B], [C]), **seen))
    assert weigh(Kind.FIX, before, after, gains(before, after)).proof is proof


def test_a_check_that_found_nothing_to_look_at_judges_nothing():
    idle = evidence(replace(plain(0), idle=True))
    assert weigh(Kind.FIX, idle, idle, ()).proof is Proof.UNPROVEN
