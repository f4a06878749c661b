from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from agentflow.domain.attempts import RunStatus

#: Events that Claude Code 2.1.330 has hooks for, and one it has not.
EVENTS = (
    *("SessionStart", "UserPromptSubmit", "UserPromptExpansion", "PreToolUse", "PostToolUse", "PostToolBatch"),
    *("PermissionRequest", "SubagentStart", "SubagentStop", "MessageDisplay", "Stop", "SessionEnd", "Unheard"),
)


@pytest.fixture
def root(world):
    return world.repository({"a.txt": "a\n"})


def line_of(status):
    return f"agentflow run run-1 ('tidy up') is unfinished here ({status}); to go on: agentflow resume run-1"


@pytest.mark.parametrize("status", [RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.PLANNED])
def test_a_session_is_told_of_the_unfinished_run_of_its_repository(hooks, root, status):
    hooks.remember(root, status)

    assert hooks.fire("SessionStart", root) == line_of(status)


def test_a_linked_worktree_and_a_subfolder_belong_to_the_same_repository(world, hooks, root):
    hooks.remember(root, RunStatus.STOPPED)
    world.git(root, "worktree", "add", "-q", "--detach", str(world.folder / "linked"))
    (root / "deep" / "er").mkdir(parents=True)

    assert "run-1" in hooks.fire("SessionStart", world.folder / "linked")
    assert "run-1" in hooks.fire("SessionStart", root / "deep" / "er")


def test_a_finished_run_a_review_and_a_session_are_not_mentioned(hooks, root):
    hooks.remember(root, RunStatus.SUCCEEDED)
    hooks.remember(root, RunStatus.STOPPED, id="run-2", workflow="review")
    hooks.remember(root, RunStatus.STOPPED, id="run-3", workflow="session")

    assert hooks.fire("SessionStart", root) is None


def test_nothing_is_said_without_a_ledger_or_a_repository(world, hooks, root):
    assert hooks.fire("SessionStart", root) is None
    assert hooks.fire("SessionStart", world.folder) is None
    assert hooks.log == ""


@pytest.mark.parametrize("name", EVENTS)
def test_no_event_of_an_ordinary_session_is_answered_or_fails(hooks, root, name):
    assert hooks.fire(name, root, tool_name="Bash", tool_input={"command": "ls"}, prompt="hello") is None
    assert hooks.log == ""


MALFORMED = (
    *("", "[]", "not json", '{"cwd": 3}', "\x00", '{"cwd": "a\\u0000b"}', '{"cwd": "\\ud800"}', "{}{}", "[" * 9999),
    *("{", '"\\', b"\xff\xfe{}", "NaN"),
)


@pytest.mark.parametrize("name", ["SessionStart", "PreToolUse", "statusline"])
def test_malformed_input_leaves_the_session_alone(hooks, name):
    assert [hooks.say(name, stdin).strip() for stdin in MALFORMED] == [""] * len(MALFORMED)


def test_malformed_input_is_logged_where_the_user_can_find_it(hooks):
    hooks.say("Stop", "not json")

    assert "'Stop'" in hooks.log
    assert "JSONDecodeError" in hooks.log


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"made_for": 1', '{"a" 1}', "nul"])
def test_damaged_rules_are_compiled_again(hooks, root, damage):
    hooks.configure({"day_budget_usd": 1.0})
    hooks.spend(1.5)
    hooks.fire("Stop", root)
    (rules,) = (hooks.folder / "compiled").iterdir()
    rules.write_text(damage)

    assert "nothing left" in hooks.fire("UserPromptSubmit", root, prompt="hello")
    assert json.loads(rules.read_text())["day_budget_usd"] == 1.0
    assert hooks.log == ""


def test_a_full_log_begins_anew(hooks):
    hooks.folder.mkdir(parents=True)
    (hooks.folder / "hook.log").write_text("x" * 300_000)

    hooks.say("Stop", "not json")

    assert len(hooks.log) < 10_000
    assert (hooks.folder / "hook.log.1").stat().st_size == 300_000


def test_a_huge_event_is_read_to_its_end(hooks, root):
    hooks.remember(root, RunStatus.STOPPED)

    assert hooks.fire("SessionStart", root, prompt="ä\\" * 3_000_000) == line_of("stopped")
    assert hooks.fire("PostToolUse", root, tool_name="Read", tool_response="x" * 9_000_000) is None


def test_no_argument_and_a_word_that_is_no_event_do_nothing(hooks, root):
    assert hooks.fire("", root) is None
    assert hooks.fire("../../etc/passwd", root) is None
    assert hooks.log == ""


def test_without_a_home_the_session_goes_on(world, hooks, root):
    hooks.remember(root, RunStatus.STOPPED)
    del world.env["HOME"]

    assert hooks.fire("SessionStart", root) == line_of("stopped")


@pytest.mark.parametrize("name", ["SessionStart", "PreToolUse", "UserPromptSubmit"])
def test_a_state_folder_that_cannot_be_written_leaves_the_session_working(world, hooks, root, name):
    (world.folder / "state").write_text("a file where a folder should be")
    world.env["TMPDIR"] = str(world.folder)
    hooks.configure({"day_budget_usd": 1.0})

    told = hooks.fire(name, root, tool_name="Bash", tool_input={"command": "ls"})
    assert told is None or (name == "SessionStart" and told.keys() == {"systemMessage"})


def test_a_damaged_ledger_leaves_the_session_alone(world, hooks, root):
    (world.folder / "state").mkdir()
    (world.folder / "state" / "ledger.db").write_bytes(b"no database at all" * 100)
    hooks.configure({"day_budget_usd": 1.0, "day_cap_usd": 1.0})

    assert hooks.fire("SessionStart", root) is None
    assert hooks.fire("UserPromptSubmit", root, prompt="hello") is None


def test_a_locked_ledger_leaves_the_session_alone(world, hooks, root):
    hooks.spend(5.0)
    hooks.configure({"day_budget_usd": 1.0, "day_cap_usd": 1.0})
    with closing(sqlite3.connect(world.folder / "state" / "ledger.db")) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")

        assert hooks.fire("UserPromptSubmit", root, prompt="hello") is None
        assert hooks.fire("SessionStart", root) is None


def test_a_ledger_of_another_shape_leaves_the_session_alone(world, hooks, root):
    (world.folder / "state").mkdir()
    with closing(sqlite3.connect(world.folder / "state" / "ledger.db")) as other:
        other.execute("CREATE TABLE runs (id TEXT)")
    hooks.configure({"day_cap_usd": 1.0})

    assert hooks.fire("SessionStart", root) is None
    assert hooks.fire("UserPromptSubmit", root, prompt="hello") is None


def test_a_folder_that_is_gone_leaves_the_session_alone(hooks, root):
    code = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.argv[1], sys.argv[1:])"
    for event in (hooks.event("SessionStart", root / "gone"), {"session_id": "s"}):
        (root / "gone").mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, hooks.COMMAND, "SessionStart"],
            input=json.dumps(event),
            cwd=root / "gone",
            env=hooks.world.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_answer_goes_out_whatever_the_locale_and_to_a_reader_that_is_gone(hooks, root):
    hooks.remember(root, RunStatus.STOPPED, goal="tidy ü \ud83d up")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    assert "tidy ü" in hooks.fire("SessionStart", root, env=ascii_only)

    event = json.dumps(hooks.event("SessionStart", root))
    closed = ["sh", "-c", '"$0" SessionStart >&-', hooks.COMMAND]
    done = subprocess.run(closed, input=event, env=hooks.world.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_broken_configuration_is_told_once_in_a_session_on_one_line(hooks, root):
    hooks.configure({"prof": "warn"}, zeal=11)

    first = hooks.fire("SessionStart", root)
    assert first.keys() == {"systemMessage"}, "it is the person's to mend"
    told = first["systemMessage"]
    assert told.startswith("agentflow: its configuration is broken, hooks go without it, no checks are run: ")
    assert "unknown key; did you mean 'proof'?" in told
    assert told.endswith("(and 1 more)")
    assert "\n" not in told
    assert hooks.fire("SessionStart", root, source="compact") is None
    assert hooks.fire("SessionStart", root, session_id="session-2") == first


def test_a_notice_to_the_person_keeps_nothing_from_the_model(hooks, root):
    hooks.remember(root, RunStatus.STOPPED)
    hooks.configure({"prof": "warn"})

    said = hooks.fire("SessionStart", root)
    assert "configuration is broken" in said["systemMessage"]
    told = {"hookEventName": "SessionStart", "additionalContext": line_of("stopped")}
    assert said["hookSpecificOutput"] == told


def test_two_broken_configurations_leave_every_event_working(world, hooks, root):
    for folder in (world.folder / "config", root / ".agentflow"):
        folder.mkdir()
        (folder / "config.yaml").write_text("hooks: [\x1b[31m")

    assert "\x1b" not in hooks.fire("SessionStart", root)["systemMessage"]
    for name in ("PreToolUse", "UserPromptSubmit", "Stop"):
        assert hooks.fire(name, root, tool_name="Bash", tool_input={"command": "ls"}) is None
    assert hooks.log == ""


def test_a_guard_whose_rules_cannot_be_had_denies_the_named_agent_only(world, hooks, root):
    world.env["AGENTFLOW_CONFIG_DIR"] = "~nobody-of-this-name/config"
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}}

    decision = hooks.fire("PreToolUse", root, agent_type="tester", **call)["hookSpecificOutput"]
    assert decision["permissionDecision"] == "deny"
    assert "hook.log" in decision["permissionDecisionReason"]
    assert hooks.fire("PreToolUse", root, **call) is None
    assert hooks.fire("Stop", root) is None
    assert "there is no home folder for '~nobody-of-this-name'" in hooks.log


def test_a_session_starts_with_what_is_left_of_the_days_budget(hooks, root):
    hooks.configure({"day_budget_usd": 5.0})
    hooks.spend(1.25)
    hooks.spend(40.0, days_ago=2)

    told = "agentflow: $1.25 of today's $5.00 budget spent, $3.75 left"
    assert hooks.fire("SessionStart", root) == told
    hooks.remember(root, RunStatus.STOPPED)
    assert hooks.fire("SessionStart", root) == f"{line_of('stopped')}\n{told}"


def test_a_prompt_is_told_once_at_80_and_once_at_100_percent(hooks, root):
    hooks.configure({"day_budget_usd": 5.0})
    hooks.spend(3.99)
    assert hooks.fire("UserPromptSubmit", root, prompt="one") is None

    hooks.spend(0.02)
    told = "agentflow: $4.01 of today's $5.00 budget spent, $0.99 left"
    assert hooks.fire("UserPromptSubmit", root, prompt="two") == told
    assert hooks.fire("UserPromptSubmit", root, prompt="three") is None
    assert hooks.fire("UserPromptSubmit", root, prompt="three", session_id="session-2") == told

    hooks.spend(2.0)
    assert hooks.fire("UserPromptSubmit", root, prompt="four").endswith("spent, nothing left")
    assert hooks.fire("UserPromptSubmit", root, prompt="five") is None


def test_only_past_the_cap_no_prompt_goes_out(hooks, root):
    hooks.configure({"day_budget_usd": 1.0, "day_cap_usd": 6.0})
    hooks.spend(5.5)
    assert isinstance(hooks.fire("UserPromptSubmit", root, prompt="one"), str)

    hooks.spend(0.75)
    answer = hooks.fire("UserPromptSubmit", root, prompt="two")
    assert answer["decision"] == "block"
    assert "$6.25 spent today, past the cap of $6.00" in answer["reason"]
    assert hooks.fire("UserPromptSubmit", root, prompt="three") == answer


def test_of_twenty_prompts_at_once_in_a_session_one_is_told(hooks, root):
    hooks.configure({"day_budget_usd": 5.0})
    hooks.spend(4.5)
    event = json.dumps(hooks.event("UserPromptSubmit", root, prompt="hello"))
    command = [hooks.COMMAND, "UserPromptSubmit"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    parallel = [subprocess.Popen(command, env=hooks.world.env, **pipes) for _ in range(20)]
    said = [process.communicate(event) for process in parallel]

    assert sorted(out for out, _ in said)[:-1] == [""] * 19
    assert sum("$4.50 of today's" in out for out, _ in said) == 1
    assert {err for _, err in said} == {""}
    assert hooks.log == ""


def test_an_event_with_nothing_to_do_imports_nothing_of_weight(hooks, root):
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}}
    hooks.fire("PreToolUse", root, **call)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", hooks.COMMAND, "PreToolUse"],
        input=json.dumps(hooks.event("PreToolUse", root, **call)),
        env=hooks.world.env,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    start = {line.rpartition("|")[2].strip() for line in _imports_of_an_empty_python(hooks.world.env)}

    ours = {"agentflow", "__future__", *(name for name in imported if name.startswith("agentflow.claude_code"))}
    assert imported - start - ours <= {"_json", "binascii"}
    assert len(ours) <= 7


def _imports_of_an_empty_python(env):
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stderr.splitlines()


@pytest.mark.cli
def test_claude_code_itself_hands_the_lines_to_the_model_and_holds_a_prompt_past_the_cap(world, hooks, root, replay):
    hooks.remember(root, RunStatus.STOPPED)
    hooks.configure({"day_budget_usd": 1.0, "day_cap_usd": 2.0})
    hooks.spend(0.9)
    names = ("SessionStart", "UserPromptSubmit")
    entries = {name: [{"hooks": [{"type": "command", "command": f"{hooks.COMMAND} {name}"}]}] for name in names}
    (root / ".claude").mkdir()
    (root / ".claude" / "settings.json").write_text(json.dumps({"hooks": entries}))
    server = replay('{name: hook, rules: [{when: {}, times: "*", turns: [{say: Noted.}]}]}')

    assert asyncio.run(_ask(world, root, server.base_url)) == "Noted."
    asked = json.dumps(server.requests[0].body)
    assert "agentflow resume run-1" in asked
    assert asked.count("$0.90 of today's $1.00 budget spent, $0.10 left") == 2

    hooks.spend(1.2)
    before = len(server.requests)
    assert "past the cap of $2.00" in asyncio.run(_ask(world, root, server.base_url))
    assert len(server.requests) == before
    assert server.unmatched == []
    assert hooks.log == ""


async def _ask(world, root, base_url):
    from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query

    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    env = {**world.env, "ANTHROPIC_BASE_URL": base_url, **quiet}
    options = ClaudeAgentOptions(cwd=root, setting_sources=["project"], tools=[], env=env)
    results = [
        message.result async for message in query(prompt="hello", options=options) if isinstance(message, ResultMessage)
    ]
    return results[-1]
