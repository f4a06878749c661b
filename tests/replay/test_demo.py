"""The demo: its repository is real, its plan is valid, and its words do what the story says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from agentflow.config.agents import load_agents
from agentflow.config.answers import AttemptAnswer, schema_of
from agentflow.config.plans import plan_from
from agentflow.domain.plans import plan_errors
from agentflow.replay.demo.repository import SCENARIO, make_repository
from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import load_scenario
from agentflow.replay.server import ReplayServer
from agentflow.replay.wire import Renderer, python_command

FEATURE = {"tests/test_money.py", "tests/test_discount.py", "tests/test_orders.py", "tests/test_receipt.py"}


@pytest.fixture
def no_identity(monkeypatch, tmp_path):
    """A machine whose git knows nobody."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


def run(folder, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def failing(folder, *tests: str) -> set[str]:
    """The test files with failures."""
    report = run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    return {line.split()[1].partition("::")[0] for line in report.stdout.splitlines() if line.startswith("FAILED")}


def plan_answer() -> dict:
    """The planner's plan as the server gives it."""
    turn = load_scenario(SCENARIO).rules[0].turns[-1]
    body = {"messages": [{"role": "user", "content": "Plan."}], "tools": [{"name": "StructuredOutput"}]}
    (block,) = Renderer().content(turn, ReplayRequest.read({}, body, at=0.0))
    return block["input"]


@pytest.mark.usefixtures("no_identity")
def test_the_repository_is_one_clean_commit_whose_feature_tests_fail(tmp_path):
    make_repository(tmp_path / "a")
    make_repository(tmp_path / "b")

    assert run(tmp_path / "a", "git", "status", "--porcelain", "--branch").stdout == "## main\n"
    heads = [run(tmp_path / name, "git", "rev-parse", "HEAD").stdout for name in "ab"]
    assert heads[0] == heads[1] != ""
    assert failing(tmp_path / "a") == FEATURE


def test_the_plan_is_valid_and_its_checks_use_the_running_interpreter(monkeypatch, tmp_path):
    plan = plan_from(plan_answer())

    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path))

    assert plan_errors(plan, load_agents(None)) == []
    assert [subtask.id for subtask in plan.ready((), ())] == ["format-money", "happy-hour", "parse-order"]
    assert plan.subtasks[0].checks == (f"{python_command()} -m pytest -q tests/test_money.py",)


def test_every_line_that_the_explorers_cite_exists(tmp_path):
    make_repository(tmp_path)
    answers = [rule.turns[-1].answer for rule in load_scenario(SCENARIO).rules if rule.when.agent == ("explore",)]

    cited = [(citation["file"], citation["line"]) for answer in answers for citation in answer["citations"]]

    assert len(answers) == 2
    for file, line in cited:
        assert (tmp_path / file).read_text().splitlines()[line - 1].strip()


@pytest.mark.long
@pytest.mark.cli
def test_haiku_gets_the_money_wrong_twice_sonnet_gets_it_right_and_the_rest_works(claude):
    make_repository(claude.cwd)
    done = []

    async def execute(base_url, subtask, tier, attempt=1, resume=None):
        labels = {"run": "r", "agent": "execute", "subtask": subtask, "tier": tier, "attempt": attempt}
        schema = {"type": "json_schema", "schema": schema_of(AttemptAnswer)}
        options = {"tools": ["Read", "Edit", "Write", "Bash"], "allowed_tools": [f"Bash({python_command()}:*)"]}
        result = await claude.session(base_url, "Go.", labels, output_format=schema, resume=resume, **options)
        done.append(result.structured_output["status"])
        return result

    async def story():
        async with ReplayServer(load_scenario(SCENARIO)) as server:
            first = await execute(server.base_url, "format-money", "haiku")
            states = [failing(claude.cwd, "tests/test_money.py")]
            await execute(server.base_url, "format-money", "haiku", resume=first.session_id)
            states.append(failing(claude.cwd, "tests/test_money.py"))
            run(claude.cwd, "git", "checkout", "teahouse/money.py")
            await execute(server.base_url, "format-money", "sonnet", attempt=2)
            states.append(failing(claude.cwd, "tests/test_money.py"))
            for subtask, tier in (("happy-hour", "haiku"), ("parse-order", "sonnet"), ("print-receipt", "sonnet")):
                await execute(server.base_url, subtask, tier)
            return server, states

    server, states = asyncio.run(story())

    assert states == [{"tests/test_money.py"}, {"tests/test_money.py"}, set()]
    assert done == ["done"] * 6
    assert server.unmatched == []
    assert not [r for request in server.requests for r in request.tool_results if r.get("is_error")]
    assert failing(claude.cwd) == set()
