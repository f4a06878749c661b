from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.config.agents import load_agents
from agentflow.domain.evidence import CheckResult, Evidence, LeftOut, TestOutcomes
from agentflow.domain.plans import Kind, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.workflows.orders import Prior
from agentflow.workflows.prompts import (
    MAX_LISTED_FILES,
    MAX_RULES,
    executor_prompt,
    explorer_prompt,
    fix_prompt,
    planner_prompt,
    repair_prompt,
)

HERE = Path("/worktree")
SUBTASK = Subtask(
    "add-tea", "Add tea", "Put tea on the menu.", Kind.FIX, Complexity.SIMPLE, "execute", (), ("menu.py",), (), ("Hot",)
)


def plan_prompt(files=("a.py",), rules="", results=()):
    agents = {name: agent for name, agent in load_agents(None).items() if name in {"execute", "explore"}}
    baseline = Evidence("tree", tuple(results))
    return planner_prompt(goal="Sell tea", worktree=HERE, files=files, rules=rules, baseline=baseline, agents=agents)


def work_prompt(prior=None, prior_diff="", rules="", subtask=SUBTASK):
    return executor_prompt(
        goal="Sell tea", subtask=subtask, worktree=HERE, checks=["make test"], rules=rules, prior=prior,
        prior_diff=prior_diff,
    )  # fmt: skip


def untrusted(prompt: str) -> str:
    """What stands inside <untrusted>, and nothing else."""
    parts = prompt.split("<untrusted source=")[1:]
    return "".join(part.split("</untrusted>")[0] for part in parts)


def test_the_planner_is_told_the_task_the_files_the_state_of_the_checks_and_who_may_work():
    failing = CheckResult("pytest -q", 1, 1.0, TestOutcomes(failed=("test_a.py::test_a",)))
    prompt = plan_prompt(rules="Use tabs.", results=[CheckResult("make lint", 0, 1.0), failing])
    assert "<task>\nSell tea\n</task>" in prompt
    assert "- `make lint`: passes\n- `pytest -q`: fails already (test_a.py::test_a)" in prompt
    assert "- execute (sonnet): " in prompt
    assert "explore (" not in prompt
    assert {"Use tabs.", "a.py"} <= set(untrusted(prompt).splitlines())


def test_a_repository_without_checks_is_called_so():
    assert "none found: name checks in the plan" in plan_prompt()


def test_a_long_file_list_is_cut_and_says_by_how_much():
    prompt = plan_prompt(files=[f"f{n}.py" for n in range(MAX_LISTED_FILES + 5)])
    assert f"f{MAX_LISTED_FILES - 1}.py\n… and 5 more" in prompt
    assert f"f{MAX_LISTED_FILES}.py" not in prompt


def test_long_project_instructions_are_cut():
    assert work_prompt(rules="x" * (MAX_RULES + 1)).count("x" * 100) == MAX_RULES // 100


def test_a_worker_is_told_what_proves_its_work_and_which_old_tests_may_change():
    assert "must fail without your change" in work_prompt()
    assert "may vanish" not in work_prompt()
    named = replace(SUBTASK, kind=Kind.TEST, changes_tests=("tests/a.py::test_x",), drops_tests=("tests/b.py",))
    prompt = work_prompt(subtask=named)
    assert "Old tests that may hold something else afterwards:" in prompt
    assert {"- tests/a.py::test_x", "- tests/b.py"} <= set(untrusted(prompt).splitlines())


def test_a_repair_lists_every_error():
    assert "- a cycle\n- no files" in repair_prompt(["a cycle", "no files"])


def test_an_executor_is_told_its_scope_its_checks_and_nothing_of_attempts_that_were_not():
    prompt = work_prompt()
    assert 'You may change only:\n<untrusted source="paths">\n- menu.py\n</untrusted>' in prompt
    assert {"- make test", "- Hot"} <= set(untrusted(prompt).splitlines())
    assert "earlier attempt" not in prompt


def test_the_next_rung_sees_the_earlier_diff_and_digest():
    prior = Prior(Tier.HAIKU, "base", "work", "1 new failure", "test_a failed")
    prompt = work_prompt(prior, "+wrong = 1")
    assert "An earlier attempt (haiku) did not pass:" in prompt
    assert "1 new failure" in untrusted(prompt)
    assert "+wrong = 1" in untrusted(prompt)
    assert "test_a failed" in untrusted(prompt)


def test_an_earlier_attempt_without_a_commit_has_no_diff_to_show():
    prompt = work_prompt(Prior(Tier.HAIKU, "base", None, "blocked", ""))
    assert "diff of the earlier attempt" not in prompt
    assert "check output of the earlier attempt" not in prompt


def test_the_fix_round_is_told_the_verdict_and_the_digest():
    prompt = fix_prompt("1 new failure", "assert 1 == 2")
    assert {"1 new failure", "assert 1 == 2"} <= set(untrusted(prompt).splitlines())


def test_the_fix_round_is_told_what_is_not_in_the_commit_and_why():
    left = [LeftOut("app/lib/x.py", "an ignore rule hides it"), *[LeftOut(f"{n}.log", "a log") for n in range(30)]]
    prompt = fix_prompt("1 new failure", "", left_out=left)
    assert "- app/lib/x.py: an ignore rule hides it" in untrusted(prompt)
    assert "- and 11 more" in untrusted(prompt)
    assert "the checks ran without them" in prompt


@pytest.mark.parametrize("prompt", [plan_prompt(), work_prompt(), explorer_prompt("What is tea?", HERE)])
def test_every_worker_is_told_where_it_works(prompt):
    assert "Working directory: /worktree" in prompt.splitlines()
