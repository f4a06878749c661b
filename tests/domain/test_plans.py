from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.agents import Agent, Role
from agentflow.domain.codec import decode, encode
from agentflow.domain.plans import MAX_SUBTASKS, Kind, Plan, Subtask, is_inside_repository, plan_errors
from agentflow.domain.tiers import Complexity, Tier


def agent(name: str, role: Role, *tools: str) -> Agent:
    return Agent(name, f"The {name}.", role, Tier.HAIKU, (Tier.HAIKU,), tools, "Do it.")


AGENTS = {
    "execute": agent("execute", Role.EXECUTOR, "Read", "Edit"),
    "resolver": agent("resolver", Role.RESOLVER, "Read", "Edit"),
    "explore": agent("explore", Role.EXPLORER, "Read"),
}


def subtask(name: str, *needs: str, **other: object) -> Subtask:
    made = Subtask(name, name.title(), "Do it.", Kind.FIX, Complexity.SIMPLE, "execute", needs, ("src/**",), (), ())
    return replace(made, **other)


def plan(*subtasks: Subtask) -> Plan:
    return Plan("Do it all.", (), subtasks)


DIAMOND = plan(subtask("d", "b", "c"), subtask("b", "a"), subtask("c", "a"), subtask("a"), subtask("e"))


def test_subtasks_are_ready_in_plan_order_once_all_they_need_is_merged():
    assert [s.id for s in DIAMOND.ready(merged=(), started=())] == ["a", "e"]
    assert [s.id for s in DIAMOND.ready(merged=("a",), started=("a", "e"))] == ["b", "c"]
    assert [s.id for s in DIAMOND.ready(merged=("a", "b"), started=("a", "b", "c", "e"))] == []


def test_dependants_are_found_through_others():
    assert DIAMOND.dependants("a") == ("d", "b", "c")
    assert DIAMOND.dependants("b") == ("d",)
    assert DIAMOND.dependants("e") == ()


def test_in_order_puts_dependencies_first():
    order = [s.id for s in DIAMOND.in_order()]
    assert all(order.index(needed) < order.index(s.id) for s in DIAMOND.subtasks for needed in s.depends_on)


def test_a_plan_survives_being_written_as_json():
    assert decode(Plan, encode(DIAMOND)) == DIAMOND


def test_a_good_plan_has_no_errors():
    assert plan_errors(DIAMOND, AGENTS) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (plan(), f"a plan has 1 to {MAX_SUBTASKS} subtasks, this one has 0"),
        (plan(subtask("a"), subtask("a")), "subtask id 'a' is used more than once"),
        (plan(subtask("a", "z")), "a: depends_on names 'z', which is not a subtask"),
        (plan(subtask("a", "b"), subtask("b", "a")), "the dependencies form a cycle: a → b → a"),
        (plan(subtask("a", "a")), "the dependencies form a cycle: a → a"),
        (plan(subtask("A_1")), "subtask id 'A_1' must match [a-z0-9-]{1,48}"),
        (plan(subtask("a" * 49)), f"subtask id '{'a' * 49}' must match [a-z0-9-]{{1,48}}"),
        (plan(subtask("a", agent="nobody")), "a: agent 'nobody' is unknown; there are: execute"),
        (plan(subtask("a", agent="explore")), "a: agent 'explore' cannot carry out subtasks; there are: execute"),
        (plan(subtask("a", agent="resolver")), "a: agent 'resolver' cannot carry out subtasks; there are: execute"),
        (plan(subtask("a", instructions=" ")), "a: instructions are empty"),
        (plan(subtask("a", files=())), "a: files is empty; name the globs this subtask may change"),
        (plan(subtask("a", checks=("true\nrm x",))), "a: check 'true\\nrm x' must be one line with a command"),
        (plan(subtask("a", checks=("",))), "a: check '' must be one line with a command"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said(wrong, error):
    said = plan_errors(wrong, AGENTS)
    assert any(line.startswith(error.partition(" → ")[0]) for line in said), said


def test_everything_that_is_wrong_is_said_at_once():
    wrong = plan(subtask("a", "b", files=()), subtask("b", "a", agent="nobody"), subtask("c", "z"))
    assert len(plan_errors(wrong, AGENTS)) >= 4


@pytest.mark.parametrize(
    "glob", ["src/**", "a.py", "pages/[id].tsx", "docs/ä.md", ".github/workflows/ci.yml", "a b.py"]
)
def test_a_glob_inside_the_repository_is_accepted(glob):
    assert is_inside_repository(glob)


@pytest.mark.parametrize(
    "glob",
    [
        "",
        " ",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "~/x",
        ".git/config",
        "a/.git/hooks",
        "-rf",
        ":(top)",
        "!x",
        "a\\b",
        "a\0b",
        "a\nb",
    ],
)
def test_a_glob_that_could_name_anything_else_is_not(glob):
    assert not is_inside_repository(glob)


@given(st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=4)), min_size=1, max_size=8))
def test_a_plan_without_errors_can_always_be_put_in_order(drawn):
    made = plan(*(subtask(f"s{n}", *(f"s{m}" for m in sorted(needs))) for n, needs in drawn))
    if not plan_errors(made, AGENTS):
        assert len(made.in_order()) == len(made.subtasks)
