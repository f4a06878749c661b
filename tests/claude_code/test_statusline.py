from __future__ import annotations

import json
import os

import pytest

from agentflow.claude_code import progress
from agentflow.domain.attempts import RunStatus, SubtaskStatus
from agentflow.store.records import SubtaskRecord


@pytest.fixture
def root(world):
    return world.repository({"a.txt": "a\n"})


@pytest.fixture
def shown(hooks):
    """The line for the JSON that Claude Code hands a status line command."""

    def say(folder, **fields):
        workspace = {"current_dir": str(folder), "project_dir": str(folder)}
        model = {"id": "claude-opus-5-5", "display_name": "Opus 5.5"}
        given = {"hook_event_name": "Status", "session_id": "s", "cwd": str(folder), "model": model, **fields}
        return hooks.say("statusline", json.dumps({"workspace": workspace, **given})).removesuffix("\n")

    return say


def put_subtasks(world, *statuses):
    with world.ledger() as ledger:
        for position, status in enumerate(statuses):
            ledger.put_subtask("run-1", SubtaskRecord(f"s{position}", position, "t", status))


def test_without_a_ledger_it_shows_the_model_and_what_claude_code_counts(world, root, shown):
    assert shown(world.folder) == "Opus 5.5"
    assert shown(root, cost={"total_cost_usd": 0.127}) == "Opus 5.5 · $0.13 this session"


def test_it_shows_how_far_the_newest_run_is_and_the_days_spending(world, hooks, root, shown):
    hooks.remember(root, RunStatus.RUNNING)
    put_subtasks(world, *[SubtaskStatus.MERGED] * 2, *[SubtaskStatus.WAITING] * 3)
    hooks.spend(1.5)

    assert shown(root) == "Opus 5.5 · run running 2/5 merged · $1.50 today"
    hooks.configure({"day_budget_usd": 5.0})
    assert shown(root) == "Opus 5.5 · run running 2/5 merged · $1.50 of $5.00 today"


def test_a_run_without_a_plan_has_no_figures(hooks, root, shown):
    hooks.remember(root, RunStatus.STOPPED, workflow="review")

    assert shown(root) == "Opus 5.5 · review stopped · $0.00 today"


def test_sessions_other_repositories_and_old_runs_are_not_shown(world, hooks, root, shown):
    hooks.remember(root, RunStatus.SUCCEEDED, finished_at=1.0)
    hooks.remember(root, RunStatus.SUCCEEDED, id="session", workflow="session", created_at=2e9)

    assert shown(root) == "Opus 5.5 · $0.00 today"
    assert shown(world.repository({"b.txt": "b\n"}, "other")) == "Opus 5.5 · $0.00 today"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"model": None, "workspace": None, "cost": None},
        {"model": "Opus", "workspace": [], "cost": 3},
        {"model": {"display_name": 3}, "workspace": {"current_dir": 3}, "cost": {"total_cost_usd": "much"}},
        {"cost": {"total_cost_usd": None}, "cwd": "/no/such/folder"},
    ],
)
def test_whatever_is_missing_is_left_out(hooks, given):
    assert hooks.say("statusline", json.dumps(given)).strip() in {"", "3"}
    assert hooks.log == ""


def test_no_escape_and_no_second_line_comes_through(root, shown):
    model = {"display_name": "O\x1b[31m\npus\u202e" + "x" * 500}
    line = shown(root, model=model)

    assert line.isprintable()
    assert len(line) < 100


def test_a_locked_or_broken_world_still_shows_the_model(world, hooks, root, shown):
    hooks.configure({"day_budget_usd": "much"})
    (world.folder / "state").mkdir()
    (world.folder / "state" / "ledger.db").write_bytes(b"junk" * 1000)

    assert shown(root) == "Opus 5.5"


def test_it_shows_how_far_the_checks_of_a_session_are_and_nothing_of_a_hook_that_was_killed(
    world, hooks, root, shown, monkeypatch
):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", world.env["AGENTFLOW_STATE_DIR"])
    (hooks.folder / "proof").mkdir(parents=True)
    progress.tell(str(root / ".git"), {"command": "pytest", "done": 12, "tests": 40, "failed": 0})
    assert shown(root) == "Opus 5.5 · checking 12/40"
    progress.tell(str(root / ".git"), {"command": "make test"})
    assert shown(root) == "Opus 5.5 · checking"
    (now,) = (hooks.folder / "proof").iterdir()
    os.utime(now, (0, 0))
    assert shown(root) == "Opus 5.5"
