"""A resolution that leaves one side out is merged only where tests approve of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from agentflow.domain.attempts import Attempt, Outcome
from agentflow.domain.evidence import CheckResult, Evidence, TestOutcomes
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.git.repository import open_repository
from agentflow.workflows.merging import vouch
from agentflow.workflows.orders import Car

CUP, POT, OLD = "test_cup.py::test_cup", "test_pot.py::test_pot", "test_old.py::test_old"
AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


class Shown:
    """In the prover's place: the tests that pass by commit and command."""

    def __init__(self) -> None:
        self.passing: dict[tuple[str, str], tuple[str, ...]] = {}

    async def known(self, commit, commands):
        found = [(c, self.passing[commit, c]) for c in dict.fromkeys(commands) if (commit, c) in self.passing]
        return Evidence(commit, tuple(CheckResult(c, 0, 0.0, TestOutcomes(passed=tests)) for c, tests in found))

    async def prove(self, commit, commands, *_):
        return await self.known(commit, commands)


@pytest.fixture
def conflict(world):
    """`cup` has landed, `pot` met it in a conflict; both began at the base, where the suite passed one test."""
    root = world.repository({"a.txt": "a\n"})
    base = world.git(root, "rev-parse", "HEAD")
    names, commits = ("cup-alone", "pot-alone", "head", "resolved"), {}
    for name in names:
        world.git(root, *AS_ADA, "commit", "-q", "--allow-empty", "-m", name)
        commits[name] = world.git(root, "rev-parse", "HEAD")
    subtasks = tuple(
        Subtask(n, n, "Make it.", Kind.IMPLEMENT, Complexity.SIMPLE, "execute", (), ("**",), (f"check {n}",), ())
        for n in ("cup", "pot")
    )
    shown, said = Shown(), []
    for commit, passing in ((base, (OLD,)), (commits["cup-alone"], (OLD, CUP)), (commits["pot-alone"], (OLD, POT))):
        shown.passing[commit, "suite"] = passing
    shown.passing[commits["head"], "suite"] = (OLD, CUP)
    for name, test in (("cup", CUP), ("pot", POT)):
        shown.passing[commits[f"{name}-alone"], f"check {name}"] = (test,)

    def car(name, commit):
        about = (name, 1, Tier.HAIKU, "m", Outcome.PASSED, 1, "", "", base, commits[f"{name}-alone"], "", 1.0, (), 0.0)
        return Car(Attempt(*about), commit)

    context = SimpleNamespace(
        plan=Plan("Make.", (), subtasks),
        checks=("suite",),
        prover=shown,
        repository=asyncio.run(open_repository(root)),
        emit=lambda *_, message: said.append(message),
    )

    def vouched(lost, **results):
        for command, tests in results.items():
            shown.passing[commits["resolved"], command.replace("_", " ")] = tests
        cars = car("pot", commits["resolved"]), (car("cup", commits["head"]),)
        return asyncio.run(vouch(context, commits["head"], *cars, lost)), said

    return vouched


def test_what_is_left_out_while_all_tests_of_both_sides_pass_is_merged_with_a_word(conflict):
    verdict, said = conflict({"pot": "a.txt"}, suite=(OLD, CUP, POT), check_cup=(CUP,), check_pot=(POT,))
    assert verdict.passed
    assert said == [
        "a conflict was resolved so that nothing is left of what pot changed in a.txt; its tests pass all the same"
    ]


@pytest.mark.parametrize(
    ("lost", "suite", "pot", "why"),
    [
        ("pot", (OLD, CUP), (CUP,), "what pot showed does not stand: 1 test that was green is not"),
        ("cup", (OLD, POT), (POT,), "test lost"),
        ("", (OLD, CUP, POT), (POT,), "what somebody else changed in a.txt, and no test approves of it"),
    ],
)
def test_what_no_test_speaks_for_is_not_merged(conflict, lost, suite, pot, why):
    verdict, said = conflict({lost: "a.txt"}, suite=suite, check_cup=(CUP,), check_pot=pot)
    assert not verdict.passed
    assert why in verdict.reason
    assert said == []
