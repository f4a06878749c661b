from __future__ import annotations

import json
import os
import subprocess

import pytest

from agentflow.claude_code.agent_files import inherits_model
from agentflow.claude_code.compiling import compile_rules
from agentflow.config.trust import distrust, trust

AGENT = """---
name: {name}
description: Tests.
{fields}
---

Test.
"""


@pytest.fixture(autouse=True)
def user(monkeypatch, world):
    for name in ("AGENTFLOW_STATE_DIR", "AGENTFLOW_CONFIG_DIR", "HOME"):
        monkeypatch.setenv(name, world.env[name])
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(world.folder / "claude"))


@pytest.fixture
def root(world):
    return world.repository({"a.txt": "a\n"})


def write_agent(folder, name, fields):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(AGENT.format(name=name, fields=fields))


def modules(rules, event):
    return [entry["module"] for entry in rules["work"].get(event, ())]


def test_without_any_configuration_only_the_ledger_and_the_start_have_work(root):
    rules = compile_rules(str(root))

    assert {event: modules(rules, event) for event in rules["work"]} == {
        "SessionStart": ["degraded", "starting", "spending"],
        "SubagentStop": ["spending"],
        "Stop": ["spending"],
        "SessionEnd": ["spending"],
    }
    assert rules["tiers"]["haiku"] == "claude-haiku-5-5"
    assert "local" not in rules["tiers"]
    assert (rules["proof"], rules["router"], rules["trusted"], rules["agents"], rules["error"]) == (
        "off", "off", False, {}, "",
    )  # fmt: skip


def test_outside_of_a_repository_the_users_settings_hold(hooks):
    hooks.configure({"router": "on", "proof": "block", "day_cap_usd": 9.0})
    rules = compile_rules(None)

    assert modules(rules, "PreToolUse") == ["router"]
    assert modules(rules, "UserPromptSubmit") == ["budget"]
    assert modules(rules, "Stop") == ["spending"]
    assert rules["day_cap_usd"] == 9.0


def test_a_proof_runs_only_in_a_trusted_repository(hooks, root):
    hooks.configure({"proof": "block", "proof_attempts": 3})
    assert (compile_rules(str(root))["proof"], compile_rules(str(root))["trusted"]) == ("off", False)

    trust(root)
    rules = compile_rules(str(root))
    assert (rules["proof"], rules["proof_attempts"], rules["trusted"]) == ("block", 3, True)
    assert modules(rules, "Stop") == ["proof", "spending"]
    assert modules(rules, "SubagentStop") == ["proof", "spending"]

    distrust(root)
    assert compile_rules(str(root))["proof"] == "off"


def test_a_repository_that_is_not_trusted_sets_no_hooks(hooks, root):
    hooks.configure({"router": "on", "pins": {"Explore": "opus"}, "ledger": False}, root)
    rules = compile_rules(str(root))
    assert (rules["router"], rules["pins"], rules["ledger"], rules["error"]) == ("off", {}, True, "")

    trust(root)
    rules = compile_rules(str(root))
    assert (rules["router"], rules["pins"], rules["ledger"]) == ("on", {"Explore": "opus"}, False)


@pytest.mark.parametrize(
    ("widening", "reason"),
    [
        ({"guard": False}, "may only strengthen this; it is 'ours'"),
        ({"day_cap_usd": 10.0}, "may only lower"),
        ({"day_budget_usd": None}, "may only lower"),
    ],
)
def test_a_trusted_repository_only_narrows_the_users_guard_and_money(hooks, root, widening, reason):
    hooks.configure({"day_cap_usd": 5.0, "day_budget_usd": 4.0, "proof": "warn"})
    hooks.configure(widening, root)
    trust(root)
    rules = compile_rules(str(root))

    assert reason in rules["error"]
    assert (rules["guard"], rules["day_cap_usd"], rules["day_budget_usd"]) == ("ours", 5.0, 4.0)
    assert rules["proof"] == "off"


def test_a_broken_repository_switches_off_its_proof_and_nothing_of_the_users(hooks, root):
    hooks.configure({"day_cap_usd": 5.0, "router": "on", "proof": "block"})
    trust(root)
    (root / ".agentflow").mkdir()
    (root / ".agentflow" / "config.yaml").write_text("hooks: {proof: block}\nchecks: [\n")
    rules = compile_rules(str(root))

    assert rules["error"].startswith(f"{root}/.agentflow/config.yaml:3: not YAML")
    assert (rules["proof"], rules["router"], rules["day_cap_usd"], rules["trusted"]) == ("off", "on", 5.0, True)


def test_a_broken_user_configuration_leaves_the_defaults(hooks, root):
    hooks.configure({"router": "maybe", "day_cap_usd": 5.0})
    rules = compile_rules(str(root))

    assert "hooks.router" in rules["error"]
    assert (rules["router"], rules["day_cap_usd"], rules["guard"], rules["tiers"]) == ("off", None, "ours", {})


def test_environment_variables_set_hooks_too(monkeypatch, root):
    monkeypatch.setenv("AGENTFLOW_HOOKS_ROUTER", "on")
    monkeypatch.setenv("AGENTFLOW_HOOKS_DAY_BUDGET_USD", "2.5")

    rules = compile_rules(str(root))
    assert (rules["router"], rules["day_budget_usd"]) == ("on", 2.5)


def test_a_persons_agents_that_say_which_tools_they_have_are_guarded_where_asked_for(hooks, world, root):
    write_agent(world.folder / "claude" / "agents", "tester", "tools: Read")
    write_agent(
        root / ".claude" / "agents" / "deeper", "tester", 'tools: "Read, Edit, Bash(pytest:*), Bash(make test)"'
    )
    write_agent(root / ".claude" / "agents", "anything", "model: haiku")
    write_agent(root / ".claude" / "agents", "strange", "tools: Read\nwhat: is this")
    rules = compile_rules(str(root))

    assert rules["agents"] == {
        "tester": {
            "ours": False,
            "tools": ["Read", "Edit", "Bash"],
            "bash": [[["pytest"], True], [["make", "test"], False]],
            "free_bash": False,
            "may_write": True,
            "role": "executor",
            "tier": "sonnet",
        }
    }
    assert (rules["error"], "PreToolUse" in rules["work"]) == ("", False)
    hooks.configure({"guard": "mine"})
    (entry,) = compile_rules(str(root))["work"]["PreToolUse"]
    assert (entry["module"], entry["named_agents"]) == ("guarding", True)
    assert "Bash" in entry["tools"]


def test_a_switched_off_guard_has_no_work(hooks, world, root):
    write_agent(root / ".claude" / "agents", "tester", "tools: Read\nagentflow: {tier: haiku}")
    assert "PreToolUse" in compile_rules(str(root))["work"]
    hooks.configure({"guard": False})

    assert "PreToolUse" not in compile_rules(str(root))["work"]


def test_a_list_of_trusted_repositories_that_is_damaged_trusts_nobody(hooks, root):
    hooks.configure({"proof": "block"})
    trust(root)
    for damage in ("{", "3", '{"a": 1}', json.dumps([[str(root)]])):
        (hooks.folder / "trusted.json").write_text(damage)
        assert compile_rules(str(root))["trusted"] is False


def test_rules_are_plain_json(root):
    rules = compile_rules(str(root))
    assert json.loads(json.dumps(rules)).keys() == rules.keys()


def test_parallel_hooks_of_a_fresh_user_all_get_the_rules(hooks, root):
    hooks.configure({"day_budget_usd": 5.0})
    hooks.spend(1.0)
    event = json.dumps(hooks.event("SessionStart", root))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    parallel = [subprocess.Popen([hooks.COMMAND, "SessionStart"], env=hooks.world.env, **pipes) for _ in range(6)]

    assert {process.communicate(event)[0] for process in parallel} == {
        "agentflow: $1.00 of today's $5.00 budget spent, $4.00 left\n"
    }
    assert [path.suffix for path in (hooks.folder / "compiled").iterdir()] == [".json"]


def test_a_folder_of_agents_that_is_a_link_out_of_the_repository_holds_none(root):
    (root / ".claude").mkdir()
    (root / ".claude" / "agents").symlink_to("/usr")
    rules = compile_rules(str(root))
    assert not [source for source in rules["sources"] if source.startswith(("/usr", f"{root}/.claude/agents/"))]
    assert inherits_model("nobody", str(root)) is False


@pytest.mark.parametrize(
    "place",
    [".claude/settings.json", ".claude/agents/a.md", ".agentflow/config.yaml", ".agentflow/agents/a.yaml"],
)
def test_a_pipe_in_a_definitions_place_is_not_waited_for(root, place):
    (root / place).parent.mkdir(parents=True)
    os.mkfifo(root / place)
    trust(root)
    assert compile_rules(str(root))["agents"] == {}
    assert inherits_model("a", str(root)) is False
