from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentflow.cli.agents import app
from agentflow.config.claude_agents import parse_claude_agent
from agentflow.errors import UsageError

REVIEWER = "---\nname: code-reviewer\ndescription: Reviews code.\ntools: Read, Grep\n---\n\nYou review code.\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the working directory, of a user without settings."""
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path / "user"))
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    monkeypatch.chdir(repository)
    return repository


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    return caught.value


def test_list_shows_every_agent_with_its_ladder_and_origin():
    lines = output("list").splitlines()
    assert lines[0].split() == ["NAME", "ROLE", "TIER", "LADDER", "TOOLS", "FROM"]
    (execute,) = (line for line in lines if line.startswith("execute "))
    assert "haiku > sonnet > opus" in execute
    assert execute.endswith("built-in")


def test_list_as_json_is_one_document():
    document = json.loads(output("list", "--json"))
    assert document["schema"] == "agentflow/agents/1"
    assert {"explore", "planner", "execute"} <= {agent["name"] for agent in document["agents"]}


def test_agents_of_the_repository_are_found_from_its_subfolders(folder, monkeypatch):
    own = folder / ".agentflow" / "agents" / "code-reviewer.md"
    own.parent.mkdir(parents=True)
    own.write_text(REVIEWER)
    (folder / "src").mkdir()
    monkeypatch.chdir(folder / "src")
    assert str(own) in output("list")


def test_show_prints_a_file_that_can_be_used_again(tmp_path):
    path = tmp_path / "execute.yaml"
    path.write_text(output("show", "execute"))
    assert path.read_text().startswith("# built-in\nname: execute\n")
    output("validate", str(path))


def test_show_as_json_names_its_schema():
    document = json.loads(output("show", "explore", "--json"))
    assert (document["schema"], document["agent"]["tools"]) == ("agentflow/agent/1", ["Read", "Grep", "Glob"])


def test_an_unknown_agent_is_answered_with_the_name_that_was_meant():
    assert refusal("show", "plannr").message == "unknown agent 'plannr'; did you mean 'planner'?"


def test_validate_without_files_checks_all_agents_of_the_folder(folder):
    output("validate")
    bad = folder / ".agentflow" / "agents" / "bad.yaml"
    bad.parent.mkdir(parents=True)
    bad.write_text("name: bad-one\n")
    assert f"{bad}:1: prompt: is required" in refusal("validate").message


def test_validate_lists_every_error_of_every_file_and_exits_2(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.md"
    one.write_text("name: one-two\ntier: opsu\n")
    two.write_text(REVIEWER.replace("Grep", "Grpe"))
    error = refusal("validate", str(one), str(two), str(tmp_path / "none.yaml"))
    assert error.exit_code == 2
    assert "did you mean 'opus'?" in error.message
    assert "did you mean 'Grep'?" in error.message
    assert "none.yaml: no such file" in error.message


def test_the_command_itself_exits_2_with_the_errors_on_stderr(tmp_path):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: wrong-one\n")
    done = subprocess.run(
        [sys.executable, "-m", "agentflow", "agents", "validate", str(wrong)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{wrong}:1: prompt: is required" in done.stderr


def test_export_writes_a_claude_code_file_that_is_the_same_agent(folder):
    output("export", "execute", "--claude", "-o", ".claude/agents/execute.md")
    text = (folder / ".claude" / "agents" / "execute.md").read_text()
    assert text.startswith("---\nname: execute\n")
    assert parse_claude_agent(text, "x").agent().name == "execute"
    assert output("export", "execute", "--claude") == text


def test_export_without_claude_is_a_yaml_file_that_a_repository_may_keep(folder):
    output("export", "explore", "-o", ".agentflow/agents/explore.yaml")
    assert str(folder / ".agentflow" / "agents" / "explore.yaml") in output("list")


def test_export_to_a_place_that_cannot_be_written_is_a_usage_error(folder):
    assert "cannot be written" in refusal("export", "explore", "-o", str(folder)).message
