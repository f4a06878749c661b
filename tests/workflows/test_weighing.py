"""Which runs of checks an attempt's proof takes, and what they make of it. Real commits; the checks are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from agentflow.domain.evidence import CheckResult, Evidence, Proof, TestOutcomes
from agentflow.domain.plans import Kind, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.git.commits import changes
from agentflow.git.repository import open_repository
from agentflow.workflows.orders import Order
from agentflow.workflows.weighing import Weighing

ALL, ONE = "pytest -q", "pytest -q tests/test_a.py"
A, NEW, B = "tests/test_a.py::test_a", "tests/test_a.py::test_new", "tests/test_b.py::test_b"
BASE, ALONE, OLD = "on the base", "without the rest of the change", "with the old tests"


def ran(passed=(), failed=(), command=ALL) -> CheckResult:
    return CheckResult(command, 1 if failed else 0, 1.0, TestOutcomes(tuple(passed), tuple(failed)))


def plain(code, command) -> CheckResult:
    return CheckResult(command, code, 1.0)


@dataclass
class Prover:
    """Answers with what it was told, by where the checks run; notes what was asked."""

    baseline: tuple[CheckResult, ...]
    answers: dict[str, tuple[CheckResult, ...]]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    async def known(self, commit, commands):
        at_base = self.answers.get(BASE, ()) if BASE in dict(self.asked) else ()
        return Evidence(commit, tuple(r for r in (*self.baseline, *at_base) if r.command in commands))

    async def prove(self, commit, commands, label, known_failures, *, where, alone):
        self.asked.append((where, tuple(commands)))
        return Evidence(commit, tuple(r for r in self.answers[where] if r.command in commands))


class Rooms:
    async def view(self, path, commit):
        return path


@pytest.fixture
def weighed(world):
    """Commits `edits` on a small repository and weighs them; gives the verdict and what was run for it."""

    def weigh(edits, before, after, answers=None, *, kind=Kind.IMPLEMENT, checks=(ONE,), **plan):
        files = {"shop.py": "old\n", "tests/test_a.py": "def test_a(): assert old\n", "tests/test_b.py": "b\n"}
        root = world.repository(files)
        base = world.git(root, "rev-parse", "HEAD")
        for name, text in edits.items():
            (root / name).write_text(text)
        world.git(root, "add", "-A")
        world.git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Work")
        commit = world.git(root, "rev-parse", "HEAD")
        subtask = Subtask(
            "s", "S", "do it", kind, Complexity.SIMPLE, "execute", (), ("**",), checks, (), **plan
        )  # fmt: skip
        prover = Prover(before, answers or {})

        async def examined():
            repository = await open_repository(root)
            context = SimpleNamespace(
                repository=repository, prover=prover, checks=(ALL,), base=base, base_worktree=root, rooms=Rooms(),
                scratch_ref="refs/{}".format,
            )  # fmt: skip
            order = Order("r1", "s", 1, Tier.HAIKU, base)
            changed = await changes(repository, base, commit)
            return await Weighing(context, order, subtask, commit, changed, Evidence("t", after)).examined()

        return asyncio.run(examined()), prover.asked

    return weigh


SOURCE, TESTS = {"shop.py": "new\n"}, {"shop.py": "new\n", "tests/test_a.py": "def test_a(): pass\n"}


def test_a_test_that_was_there_and_red_needs_no_further_run(weighed):
    done, asked = weighed(SOURCE, (ran([B], [A]),), (ran([A], command=ONE), ran([A, B])))
    assert (done.proof, asked) == (Proof.PROVEN, [])


def test_a_refactoring_under_green_tests_needs_no_further_run(weighed):
    done, asked = weighed(SOURCE, (ran([A, B]),), (ran([A, B]),), kind=Kind.REFACTOR, checks=())
    assert (done.proof, asked) == (Proof.PROVEN, [])


def test_promised_checks_are_run_on_the_base_where_nothing_else_tells(weighed):
    before, after = (ran([A, B]),), (plain(0, "grep -q new shop.py"), ran([A, B]))
    answers = {BASE: (plain(1, "grep -q new shop.py"),)}
    done, asked = weighed(SOURCE, before, after, answers, checks=("grep -q new shop.py",))
    assert (done.proof, asked) == (Proof.PROVEN, [(BASE, ("grep -q new shop.py",))])


def test_nothing_from_red_to_green_is_weakly_proven(weighed):
    before, after = (ran([A, B]),), (ran([A], command=ONE), ran([A, B]))
    done, asked = weighed(SOURCE, before, after, {BASE: (ran([A], command=ONE),)})
    assert (done.passed, done.proof, asked) == (True, Proof.WEAKLY_PROVEN, [(BASE, (ONE,))])
    assert done.reason == "weakly proven: nothing that failed before passes now; 2 checks passed"


def test_new_tests_beside_the_change_cost_two_narrow_runs(weighed):
    before, after, narrow = (ran([A, B]),), (ran([A, NEW], command=ONE), ran([A, B, NEW])), f"{ALL} tests/test_a.py"
    answers = {ALONE: (ran([A], [NEW], command=narrow),), OLD: (ran([A], command=narrow),)}
    done, asked = weighed(TESTS, before, after, answers)
    assert (done.proof, asked) == (Proof.PROVEN, [(ALONE, (narrow,)), (OLD, (narrow,))])


def test_new_tests_that_pass_without_the_change_make_it_weak(weighed):
    before, after = (ran([A, B]),), (ran([A, NEW], command=ONE), ran([A, B, NEW]))
    alone = (ran([A, NEW], command=f"{ALL} tests/test_a.py"), ran([A, NEW], command=ONE))
    answers = {ALONE: alone, OLD: (ran([A], command=f"{ALL} tests/test_a.py"),), BASE: (ran([A], command=ONE),)}
    done, _ = weighed(TESTS, before, after, answers)
    assert done.proof is Proof.WEAKLY_PROVEN


def test_tests_alone_do_not_implement_and_nothing_is_run_to_see_it(weighed):
    before, after = (ran([A, B]),), (ran([A, NEW], command=ONE), ran([A, B, NEW]))
    edits = {"tests/test_a.py": "def test_new(): pass\n"}
    done, asked = weighed(edits, before, after, {BASE: (ran([A], command=ONE),)})
    assert (done.proof, asked) == (Proof.WEAKLY_PROVEN, [(BASE, (ONE,))])


OLD_FAILS = {OLD: (ran([], [A], command=f"{ALL} tests/test_a.py"),)}


def test_an_old_test_that_fails_on_the_new_code_is_shown_to_the_judge_as_it_was(weighed):
    done, _ = weighed(TESTS, (ran([A], [B]),), (ran([A, B]),), OLD_FAILS, checks=())
    assert (done.passed, done.proof) == (True, Proof.WEAKLY_PROVEN)
    assert f"the change alters behaviour that these tests held: {A}" in done.reason
    assert f"- {A}" in done.digest
    assert "def test_a(): assert old" in done.digest


@pytest.mark.parametrize("names", [(A,), ("tests/test_a.py",), ("tests/**",)])
def test_what_the_plan_lets_change_is_no_matter_for_a_judge(weighed, names):
    done, _ = weighed(TESTS, (ran([A], [B]),), (ran([A, B]),), OLD_FAILS, checks=(), changes_tests=names)
    assert done.proof is Proof.PROVEN


def test_a_test_lost_from_a_promised_check_is_found_out_at_the_base(weighed):
    before, after = (), (ran([A], command=ONE),)
    done, _ = weighed(TESTS, before, after, {BASE: (ran([A, NEW], command=ONE),), OLD: ()})
    assert (done.outcome, done.reason) == ("tampered", f"1 test lost by a change to the tests: {NEW}")
