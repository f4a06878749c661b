from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.agents import Agent, Role
from agentflow.domain.codec import decode, encode
from agentflow.domain.plans import MAX_SUBTASKS, Kind, Plan, Subtask, plan_errors, scope_doubts
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


def test_a_scope_entry_that_cannot_be_read_is_refused_with_the_right_spelling():
    wrong = plan(subtask("a", files=("src/a.py", "src\\b.py")))
    assert plan_errors(wrong, AGENTS) == ["a: files entry 'src\\\\b.py' has a backslash; write 'src/b.py'"]


TREE = ["README.md", "src/auth/token.py", "src/cart.py", "web/index.md"]


@pytest.mark.parametrize(
    "files",
    [("src/**",), ("**/*.md",), ("src/new.py",), ("worker/**",), ("new/",), ("src/*.{ts,py}",), ("**/*.ts", "a.ts")],
)
def test_a_scope_that_covers_a_file_or_names_a_new_one_is_in_no_doubt(files):
    assert scope_doubts(plan(subtask("a", files=files)), TREE) == []


@pytest.mark.parametrize(
    ("files", "advice"),
    [
        (("src/**/*.{ts,tsx}",), "; src holds *.py"),
        (("**/*.ts", "*.js"), "; it holds *.md, *.py"),
        (("scr/auth/**",), "; did you mean 'src/auth'?"),
        (("/home/me/tree/src/cart.py",), ""),
    ],
)
def test_a_scope_that_covers_nothing_is_doubted_with_what_is_there(files, advice):
    (doubt,) = scope_doubts(plan(subtask("a", files=files)), TREE)
    told = ", ".join(map(repr, files))
    assert doubt == f"a: files {told} match no file of the repository and name no new one{advice}"


@given(st.lists(st.tuples(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=4)), min_size=1, max_size=8))
def test_a_plan_without_errors_can_always_be_put_in_order(drawn):
    made = plan(*(subtask(f"s{n}", *(f"s{m}" for m in sorted(needs))) for n, needs in drawn))
    if not plan_errors(made, AGENTS):
        assert len(made.in_order()) == len(made.subtasks)
