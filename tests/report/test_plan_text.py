from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.report.plan_text import render_plan


@pytest.fixture
def plan():
    store = Subtask(
        id="store", title="Extract the token store", instructions="…", kind=Kind.REFACTOR, complexity=Complexity.MEDIUM,
        agent="execute", depends_on=(), files=("src/auth/**", "tests/auth/**"), checks=("pytest -q tests/auth",), acceptance=(),
    )  # fmt: skip
    wire = replace(
        store,
        id="wire",
        title="Wire it in",
        depends_on=("store",),
        complexity=Complexity.SIMPLE,
        checks=(),
        files=("src/app.py",),
    )
    return Plan("Auth in one place.", ("Sessions stay in memory.",), (wire, store))


TIERS = {"store": Tier.SONNET, "wire": Tier.HAIKU}


def test_the_plan_is_numbered_with_dependencies_first(plan):
    assert render_plan(plan, TIERS, {"store": (0.12, 0.5), "wire": (0.03, 0.104)}) == (
        "plan: Auth in one place.\n"
        "assuming: Sessions stay in memory.\n"
        "\n"
        " 1. Extract the token store (store)\n"
        "    execute from sonnet, medium, $0.12 to $0.50\n"
        "    files: src/auth/**, tests/auth/**\n"
        "    checks: pytest -q tests/auth\n"
        "\n"
        " 2. Wire it in (wire)\n"
        "    execute from haiku, simple, $0.03 to $0.10\n"
        "    after: 1\n"
        "    files: src/app.py\n"
        "    checks: those of the repository\n"
        "\n"
        "expected cost: $0.15 to $0.60"
    )


def test_the_tests_that_may_change_or_vanish_are_shown(plan):
    renames = replace(
        plan.subtasks[1], changes_tests=("tests/test_a.py::test_old",), drops_tests=("tests/b/**", "t\x1b")
    )
    text = render_plan(replace(plan, subtasks=(renames,)), TIERS, {})
    assert "    changes what these tests hold: tests/test_a.py::test_old\n" in text
    assert "    these tests may vanish: tests/b/**, t" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("estimate", "told"),
    [
        ({}, "expected cost: 2 unpriced"),
        ({"store": (0.1, 0.2)}, "expected cost: $0.10 to $0.20 + 1 unpriced"),
        ({"store": (0.0, 0.0), "wire": (0.1, 0.2)}, "expected cost: $0.10 to $0.20 + 1 unpriced"),
    ],
)
def test_what_has_no_price_is_said_to_have_none(plan, estimate, told):
    assert render_plan(plan, TIERS, estimate).splitlines()[-1] == told


def test_hostile_words_stay_on_their_lines(plan, hostile, steers):
    nasty = hostile + "\n 9. Forged"
    subtask = replace(plan.subtasks[1], title=nasty, agent=nasty, files=(nasty,), checks=(nasty,))
    told = render_plan(Plan(nasty, (nasty,), (subtask,)), TIERS, {})
    assert not steers(told)
    assert len(told.splitlines()) == 9
