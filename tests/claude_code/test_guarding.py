"""The guard of named agents, as Claude Code asks it."""

from __future__ import annotations

import json

import pytest

RUNNER = """\
name: runner
description: Runs the tests.
role: executor
tier: haiku
tools: [Read, Edit, "Bash(pytest:*)", "Bash(make test)"]
prompt: Run them.
"""
READER = """\
name: reader
description: Reads.
role: explorer
tier: haiku
tools: [Read]
prompt: Read.
"""


@pytest.fixture
def root(hooks, world):
    root = world.repository({"src/a.py": "a = 1\n"})
    agents = world.folder / "config" / "agents"
    agents.mkdir(parents=True)
    (agents / "runner.yaml").write_text(RUNNER)
    (agents / "reader.yaml").write_text(READER)
    return root


def reason(hooks, root, agent, tool, **given):
    answer = hooks.fire("PreToolUse", root, agent_type=agent, tool_name=tool, tool_input=given)
    if answer is None:
        return None
    decision = answer["hookSpecificOutput"]
    assert decision["permissionDecision"] == "deny"
    return decision["permissionDecisionReason"]


@pytest.mark.parametrize("line", ["pytest -q tests", "make test", "pytest"])
def test_a_line_that_a_scoped_rule_covers_is_left_to_claude_code(hooks, root, line):
    assert reason(hooks, root, "runner", "Bash", command=line) is None


@pytest.mark.parametrize("line", ["rm -rf /", "pytest; curl evil", "make test install", "pytest $(id)", "PYTEST", ""])
def test_any_other_line_is_denied(hooks, root, line):
    assert reason(hooks, root, "runner", "Bash", command=line).startswith("runner: ")


def test_an_agent_without_a_tool_is_denied_it(hooks, root):
    assert reason(hooks, root, "reader", "Bash", command="ls") == "reader: this agent does not have Bash"
    assert reason(hooks, root, "reader", "Write", file_path=str(root / "x")) == "reader: this agent does not have Write"
    assert reason(hooks, root, "runner", "Write", file_path=str(root / "x")) == "runner: this agent does not have Write"


def test_writes_stay_out_of_the_git_folder_and_elsewhere_are_for_claude_code_to_allow(hooks, root, world):
    (root / "link").symlink_to(root / ".git")
    assert reason(hooks, root, "runner", "Edit", file_path=str(root / "src/a.py")) is None
    assert reason(hooks, root, "runner", "Edit", file_path=str(world.folder / "added" / "x")) is None
    assert ".git" in reason(hooks, root, "runner", "Edit", file_path=str(root / ".git" / "config"))
    assert ".git" in reason(hooks, root, "runner", "Edit", file_path=str(root / "link" / "config"))


@pytest.fixture
def own(world):
    """An agent of the person's, which agentflow never heard of."""
    folder = world.folder / "claude" / "agents"
    folder.mkdir(parents=True)
    (folder / "mine.md").write_text("---\nname: mine\ndescription: Mine.\ntools: Read, Bash(git log:*)\n---\n\nWork.\n")
    return "mine"


def test_a_persons_own_agent_is_left_in_peace(hooks, root, own):
    assert reason(hooks, root, own, "Bash", command="git log && echo") is None
    assert reason(hooks, root, own, "Write", file_path="/tmp/x") is None
    assert hooks.fire("PreToolUse", root, agent_type=own, tool_name="Bash", tool_input=["ls"]) is None


def test_what_guarding_a_persons_own_agent_would_refuse_is_told_once_first(hooks, root, own):
    hooks.configure({"guard": "notice"})
    event = {"agent_type": own, "tool_name": "Write", "tool_input": {"file_path": "/tmp/x"}}

    told = hooks.fire("PreToolUse", root, **event)

    notice = "agentflow: with `guard: mine` this would be refused: mine: this agent does not have Write"
    assert told == {"systemMessage": notice}
    assert hooks.fire("PreToolUse", root, **event) is None
    assert reason(hooks, root, "reader", "Write", file_path="x") == "reader: this agent does not have Write"


def test_a_persons_own_agent_is_guarded_where_the_person_wants_it(hooks, root, own):
    hooks.configure({"guard": "mine"})
    assert "only these commands" in reason(hooks, root, own, "Bash", command="rm x")
    assert reason(hooks, root, own, "Bash", command="git log -3") is None


def test_a_guard_that_is_off_refuses_nothing(hooks, root):
    hooks.configure({"guard": "off"})
    assert reason(hooks, root, "reader", "Bash", command="ls") is None


def test_the_main_session_and_agents_nobody_defined_are_claude_codes_matter(hooks, root):
    assert hooks.fire("PreToolUse", root, tool_name="Bash", tool_input={"command": "rm -rf /"}) is None
    assert reason(hooks, root, "general-purpose", "Bash", command="rm -rf /") is None


def test_a_plugins_agent_is_known_by_its_own_name(hooks, root):
    assert reason(hooks, root, "agentflow:runner", "Bash", command="rm x") is not None


def test_input_that_makes_no_sense_is_denied(hooks, root):
    answer = hooks.fire("PreToolUse", root, agent_type="runner", tool_name="Bash", tool_input=["ls"])
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"


@pytest.mark.cli
def test_a_sub_agent_of_the_real_cli_is_denied_what_its_definition_does_not_give(hooks, person, root, replay):
    person.install(root, "PreToolUse")
    (root / ".claude" / "agents").mkdir()
    definition = (
        "---\nname: runner\ndescription: Runs the tests.\ntools: Bash(pytest:*), Bash(make test)\n---\n\nRUNNER\n"
    )
    (root / ".claude" / "agents" / "runner.md").write_text(definition)
    asked = {"description": "run", "prompt": "Run them.", "subagent_type": "runner", "run_in_background": False}
    lines = [f"touch {root}/made", "make test"]
    rules = [
        {
            "when": {"system": "RUNNER"},
            "turns": [*({"calls": [{"tool": "Bash", "input": {"command": line}}]} for line in lines), {"say": "Ran."}],
        },
        {"turns": [{"calls": [{"tool": "Agent", "input": asked}]}, {"say": "Done."}]},
    ]
    server = replay(json.dumps({"name": "guard", "rules": rules}))
    person.ask(root, "Go.", server, "--allowedTools", "Agent", "Bash")

    results = [request for request in server.requests if "RUNNER" in json.dumps(request.body["system"])]
    assert "runner: only these commands may run" in json.dumps(results[1].body["messages"][-1])
    assert "only these commands" not in json.dumps(results[2].body["messages"][-1])
    assert not (root / "made").exists()
    assert hooks.log == ""
