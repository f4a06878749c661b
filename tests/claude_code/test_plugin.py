"""The plugin and the files of `agentflow init` in sessions of the real Claude Code CLI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from agentflow import __version__
from agentflow.claude_code import shipped
from agentflow.claude_code.compiling import compile_rules
from agentflow.domain.attempts import RunStatus
from agentflow.models.launch import bundled_cli

pytestmark = pytest.mark.cli
ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "agentflow" / "claude_code" / "plugin"
NOTED = {"when": {}, "times": "*", "turns": [{"say": "Noted."}]}
AGENT = "---\nname: tester\ndescription: Reads.\ntools: Read\n---\nRead.\n"
SETTINGS = ("--setting-sources", "project")


def claude(world, root, *args, server=None):
    """A command of the CLI, with a configuration folder of its own. Gives what it prints."""
    env = {
        **world.env,
        "CLAUDE_CONFIG_DIR": str(world.folder / "claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        **({"ANTHROPIC_BASE_URL": server.base_url} if server else {}),
    }
    done = subprocess.run(
        [str(bundled_cli()), *args],
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def asked(server):
    """What the session itself asked, not the agents of a run: the first message and every tool's result, as text."""
    own = [request for request in server.requests if "agent" not in dict(request.labels)]
    return json.dumps(own[-1].body["messages"]) if own else ""


@pytest.fixture
def root(errand):
    """A repository after `agentflow init`, its files committed."""
    assert errand.world.agentflow(errand.root, "init", "--yes").code == 0
    errand.world.git(errand.root, "add", "-A")
    errand.world.git(errand.root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Set up")
    return errand.root


def test_the_cli_finds_nothing_wrong_with_plugin_and_marketplace(world):
    for place in (PLUGIN, ROOT):
        assert "Validation passed" in claude(world, ROOT, "plugin", "validate", "--strict", str(place))
    assert json.loads((PLUGIN / ".claude-plugin" / "plugin.json").read_text())["version"] == __version__


def test_the_hooks_are_those_that_have_something_to_do(world, hooks, monkeypatch):
    """With everything switched on: no process is started for an event that nobody answers, and none is missed."""
    root = world.repository({".claude/agents/tester.md": AGENT})
    for name in ("AGENTFLOW_STATE_DIR", "AGENTFLOW_CONFIG_DIR", "CLAUDE_CONFIG_DIR"):
        monkeypatch.setenv(name, world.env[name])
    hooks.trust(root)
    hooks.configure({"proof": "block", "router": "on", "guard": "mine", "day_cap_usd": 5})
    work = compile_rules(str(root))["work"]
    ours = shipped.hooks()

    assert set(work) == set(ours)
    assert {entry["tools"] for entry in work["PreToolUse"]} == {
        tuple(group["matcher"].split("|")) for group in ours["PreToolUse"]
    }


def test_only_a_person_starts_what_costs_money(world, replay):
    assert len(shipped.commands()) == 7
    for content in shipped.commands().values():
        front = content.decode().split("---\n")[1]
        assert "disable-model-invocation: true\n" in front
        assert "allowed-tools: Bash(agentflow " in front

    call = {"tool": "Skill", "input": {"skill": "agentflow:run", "args": "tidy up"}}
    server = replay(
        json.dumps({"name": "model", "rules": [{"when": {}, "turns": [{"calls": [call]}, {"say": "Pity."}]}]})
    )
    plugin = ("--plugin-dir", str(PLUGIN), "--allowedTools", "Skill")
    claude(world, world.repository({"a.txt": "a\n"}), "-p", "Hello", *plugin, *SETTINGS, server=server)
    assert "agentflow:run cannot be used with Skill tool due to disable-model-invocation" in asked(server)
    assert world.events() == []


def test_the_plugin_of_the_marketplace_brings_commands_and_hooks(world, hooks, replay):
    root = world.repository({"a.txt": "a\n"})
    hooks.remember(root, RunStatus.STOPPED)
    server = replay(json.dumps({"name": "plugin", "rules": [NOTED]}))

    claude(world, root, "plugin", "marketplace", "add", str(ROOT))
    claude(world, root, "plugin", "install", "agentflow@agentflow")
    assert claude(world, root, "-p", "/agentflow:status", server=server) == "Noted.\n"
    assert "stopped: tidy up\\nrun run-1" in asked(server)
    assert "to go on: agentflow resume run-1" in asked(server)  # said by the hook at the session's start


@pytest.mark.long
def test_the_plugins_folder_brings_them_too(world, hooks, replay):
    root = world.repository({"a.txt": "a\n"})
    hooks.remember(root, RunStatus.STOPPED)
    server = replay(json.dumps({"name": "plugin", "rules": [NOTED]}))

    claude(world, root, "-p", "/agentflow:status run-1", "--plugin-dir", str(PLUGIN), *SETTINGS, server=server)
    assert "next: agentflow resume run-1" in asked(server)
    assert "to go on: agentflow resume run-1" in asked(server)


def test_where_the_repository_has_the_hooks_itself_the_plugins_are_silent(errand, hooks, root):
    hooks.remember(root, RunStatus.STOPPED)
    server = errand.serve(NOTED)
    claude(errand.world, root, "-p", "Hello", "--plugin-dir", str(PLUGIN), *SETTINGS, server=server)

    assert asked(server).count("to go on: agentflow resume run-1") == 1


def test_what_goes_wrong_is_said_without_asking_a_model_and_nothing_else_can_be_run(errand, root):
    server = errand.serve(NOTED)
    unknown = claude(errand.world, root, "-p", "/agentflow:status run-9", *SETTINGS, server=server)
    smuggled = claude(errand.world, root, "-p", "/agentflow:status $(touch pwned)", *SETTINGS, server=server)

    assert "error: no run 'run-9'" in unknown
    assert "permission check failed" in smuggled
    assert not (root / "pwned").exists()
    assert list(server.requests) == []


def test_run_hands_the_persons_very_words_over_and_waits_for_the_end(errand, root):
    """Words that any shell would stumble over; the waiting needs no permission."""
    words = """fix the user's "auth", `id` & $(touch pwned) <now>"""
    wait = {"tool": "Bash", "input": {"command": "agentflow status --wait 100"}}
    told = {"when": {"last": "The first line is the run's id"}, "turns": [{"calls": [wait]}, {"say": "Done."}]}
    server = errand.serve(errand.plans("a"), errand.writes("a"), told)
    said = claude(errand.world, root, "-p", f"/agentflow:run --budget 2 {words}", *SETTINGS, server=server)

    with errand.world.ledger() as ledger:
        (run,) = ledger.runs()
    assert (run.goal, run.budget_usd, run.status) == (words, 2.0, RunStatus.SUCCEEDED)
    assert said == "Done.\n"
    assert f"next: agentflow apply {run.id}" in asked(server)
    assert not (root / "pwned").exists()
    assert server.unmatched == []

    claude(errand.world, root, "-p", f"/agentflow:apply {run.id}", *SETTINGS, server=errand.serve(NOTED))
    assert (root / "a.txt").read_text() == "good\n"


@pytest.mark.long
def test_plan_carries_nothing_out_until_run_is_given_its_plan(errand, root):
    plans = errand.serve(errand.plans("a"), NOTED)
    claude(errand.world, root, "-p", "/agentflow:plan run errands", *SETTINGS, server=plans)
    planned = errand.run("status", "--wait", "100").json
    runs = errand.serve(errand.writes("a"), NOTED)
    claude(errand.world, root, "-p", f"/agentflow:run --plan {planned['run_id']}", *SETTINGS, server=runs)
    done = errand.run("status", "--wait", "100").json

    assert planned["run_id"] in asked(plans)
    assert (planned["status"], planned["subtasks"]) == ("succeeded", [])
    assert done["run_id"] in asked(runs)
    assert [subtask["status"] for subtask in done["subtasks"]] == ["merged"]
    assert (plans.unmatched, runs.unmatched) == ([], [])


@pytest.mark.long
def test_resume_goes_on_with_the_latest_unfinished_run(errand, root):
    plan = errand.plan_file("a")
    stopped = errand.run("run", "--plan", plan, "--yes", "--budget", "0.01", server=errand.serve(NOTED)).json
    server = errand.serve(errand.writes("a"), NOTED)
    claude(errand.world, root, "-p", "/agentflow:resume --budget 5", *SETTINGS, server=server)
    ended = errand.run("status", "--wait", "100").json

    assert stopped["run_id"] in asked(server)
    assert (ended["run_id"], ended["status"]) == (stopped["run_id"], "succeeded")


def test_review_reads_what_it_is_given_and_tells_its_findings(errand, root):
    (root / "b.py").write_text("b = 1\n")
    show = [
        {"tool": "Bash", "input": {"command": f"agentflow {words}"}} for words in ("status --wait 100", "runs show")
    ]
    server = errand.serve(
        {"when": {"agent": "reviewer"}, "times": "*", "turns": [{"answer": {"findings": []}}]},
        {"when": {"agent": "synthesizer"}, "times": "*", "turns": [{"answer": {"groups": [], "findings": []}}]},
        {"when": {}, "turns": [*({"calls": [call]} for call in show), {"say": "Clean."}]},
    )
    said = claude(errand.world, root, "-p", "/agentflow:review b.py", *SETTINGS, server=server)

    assert said == "Clean.\n"
    assert "1 file" in asked(server)
    assert server.unmatched == []


def test_cost_tells_what_was_spent(errand, hooks, root):
    hooks.spend(0.25)
    server = errand.serve(NOTED)
    claude(errand.world, root, "-p", "/agentflow:cost --all", *SETTINGS, server=server)

    assert "$0.2500" in asked(server)


@pytest.mark.long
def test_a_run_that_a_session_starts_with_bash_outlives_it(errand, root):
    """Its workers are nothing to it: they have sessions of their own."""
    start = f"agentflow run --plan {errand.plan_file('a')} --yes --detach"
    script = {
        "when": {"last": "Go on"},
        "turns": [{"calls": [{"tool": "Bash", "input": {"command": start}}]}, {"say": "Begun."}],
    }
    slow = errand.writes("a")
    slow["turns"][0]["delay"] = 2
    server = errand.serve(slow, script)
    said = claude(
        errand.world, root, "-p", "Go on", "--allowedTools", "Bash(agentflow run:*)", *SETTINGS, server=server
    )
    after = errand.run("status").json
    ended = errand.run("status", "--wait", "100").json

    assert said == "Begun.\n"
    assert after["status"] != "succeeded"
    assert ended["status"] == "succeeded"
    sessions = {dict(request.headers).get("x-claude-code-session-id") for request in server.requests}
    assert len(sessions) == 2


@pytest.mark.parametrize("script", [None, "#!/nowhere at all/bin/python\n", "#!/bin/sh\nexit 1\n"])
def test_hooks_whose_program_is_gone_say_so_once_and_disturb_nothing(world, root, replay, script):
    tools = world.folder / "tools"
    tools.mkdir()
    if script:
        (tools / "agentflow-hook").write_text(script)
        (tools / "agentflow-hook").chmod(0o755)
    world.env["PATH"] = f"{tools}:/usr/bin:/bin"
    calls = [{"tool": "Bash", "input": {"command": "true"}}, {"tool": "Read", "input": {"file_path": f"{root}/a.txt"}}]
    scene = {
        "name": "gone",
        "rules": [{"times": "*", "turns": [{"calls": [one]} for one in calls] + [{"say": "Done."}]}],
    }

    told = claude(
        world,
        root,
        "-p",
        "Go.",
        *SETTINGS,
        "--output-format",
        "stream-json",
        "--verbose",
        server=replay(json.dumps(scene)),
    )

    messages = [json.loads(line) for line in told.splitlines()]
    noticed = [one["hook_name"] for one in messages if "agentflow-hook does not start" in json.dumps(one)]
    assert noticed == ["SessionStart:startup"]
    assert [one for one in messages if one.get("subtype") == "hook_response" and one.get("exit_code")] == []
    assert len(messages[-1]["permission_denials"]) == 0
