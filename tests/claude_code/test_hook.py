from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.git.repository import open_repository
from agentflow.store.ledger import open_ledger
from agentflow.store.records import RunRecord


def started(world, folder, text=None, *events):
    """What the hook says to a session that starts in `folder`."""
    given = json.dumps({"hook_event_name": "SessionStart", "cwd": str(folder)}) if text is None else text
    hook = [sys.executable, "-c", "from agentflow.claude_code.hook import main; main()", *(events or ["SessionStart"])]
    done = subprocess.run(hook, input=given, env=world.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def remember(world, root, status):
    repository = asyncio.run(open_repository(root))
    with open_ledger(world.folder / "state" / "ledger.db") as ledger:
        ledger.create_run(
            RunRecord("run-1", root, repository.common_dir, "tidy up", status, repository.head, "b", time.time())
        )


@pytest.fixture
def root(world):
    return world.repository({"a.txt": "a\n"})


@pytest.mark.parametrize("status", [RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.PLANNED])
def test_a_session_is_told_of_the_unfinished_run_of_its_repository(world, root, status):
    remember(world, root, status)

    assert started(world, root) == (
        f"agentflow run run-1 ('tidy up') is unfinished here ({status}); to go on: agentflow resume run-1\n"
    )


def test_a_linked_worktree_and_a_subfolder_belong_to_the_same_repository(world, root):
    remember(world, root, RunStatus.STOPPED)
    world.git(root, "worktree", "add", "-q", "--detach", str(world.folder / "linked"))
    (root / "deep" / "er").mkdir(parents=True)

    assert "run-1" in started(world, world.folder / "linked")
    assert "run-1" in started(world, root / "deep" / "er")


def test_a_finished_run_is_not_mentioned(world, root):
    remember(world, root, RunStatus.SUCCEEDED)

    assert started(world, root) == ""


def test_nothing_is_said_without_a_ledger_or_a_repository(world, root):
    assert started(world, root) == ""
    assert started(world, world.folder) == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"cwd": 3}', "\x00"])
def test_malformed_input_leaves_the_session_alone(world, text):
    assert started(world, None, text) == ""


def test_a_damaged_ledger_leaves_the_session_alone(world, root):
    (world.folder / "state").mkdir()
    (world.folder / "state" / "ledger.db").write_bytes(b"no database at all" * 100)

    assert started(world, root) == ""


def test_other_events_are_none_of_its_business(world, root):
    remember(world, root, RunStatus.STOPPED)

    assert started(world, root, None, "Stop") == ""


@pytest.mark.cli
def test_claude_code_itself_hands_the_line_to_the_model(world, root, replay):
    """The hook as its docstring says to set it up, in a session of the real CLI."""
    remember(world, root, RunStatus.STOPPED)
    hook = {"type": "command", "command": str(Path(sys.executable).with_name("agentflow-hook")) + " SessionStart"}
    (root / ".claude").mkdir()
    (root / ".claude" / "settings.json").write_text(json.dumps({"hooks": {"SessionStart": [{"hooks": [hook]}]}}))
    server = replay('{name: hook, rules: [{when: {}, times: "*", turns: [{say: Noted.}]}]}')

    assert asyncio.run(_ask(world, root, server.base_url)) == "Noted."
    assert "agentflow resume run-1" in json.dumps(server.requests[0].body)


async def _ask(world, root, base_url):
    from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query

    config = {"CLAUDE_CONFIG_DIR": str(world.folder / "claude"), "ANTHROPIC_BASE_URL": base_url}
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    env = {**world.env, **config, **quiet}
    options = ClaudeAgentOptions(cwd=root, setting_sources=["project"], tools=[], env=env)
    results = [
        message.result async for message in query(prompt="hello", options=options) if isinstance(message, ResultMessage)
    ]
    return results[-1]
