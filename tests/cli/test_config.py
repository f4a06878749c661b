from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentflow.cli.config import app
from agentflow.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as the working directory, of a user without settings."""
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path / "user"))
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / ".agentflow").mkdir()
    monkeypatch.chdir(repository)
    return repository


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_show_prints_every_setting():
    lines = output("show").splitlines()
    assert "max_parallel: 4" in lines
    assert 'tiers.sonnet.model: "claude-sonnet-5-5"' in lines


def test_show_says_where_each_value_comes_from(folder, monkeypatch):
    (folder / ".agentflow" / "config.yaml").write_text("# ours\nmax_parallel: 2\n")
    monkeypatch.setenv("AGENTFLOW_BUDGET_USD", "1.5")
    lines = [line.split("#") for line in output("show", "--origin").splitlines()]
    origins = {value.strip(): origin.strip() for value, origin in lines}
    assert origins["max_parallel: 2"] == f"repository {folder}/.agentflow/config.yaml:2"
    assert origins["budget_usd: 1.5"] == "environment AGENTFLOW_BUDGET_USD"
    assert origins['sandbox: "auto"'] == "default"


def test_show_as_json_is_one_document_with_origins_on_request():
    plain, explained = json.loads(output("show", "--json")), json.loads(output("show", "--json", "--origin"))
    assert (plain["schema"], plain["settings"]["max_parallel"]) == ("agentflow/config/1", 4)
    assert "origins" not in plain
    assert explained["origins"].keys() == explained["settings"].keys()


def test_show_in_a_repository_that_widens_settings_names_key_file_and_line(folder):
    (folder / ".agentflow" / "config.yaml").write_text("setup: make\nbase_url: https://evil.example\n")
    with pytest.raises(UsageError, match=r"config\.yaml:2: base_url: a repository may not set this"):
        CliRunner().invoke(app, ["show"], catch_exceptions=False)


def test_path_prints_the_users_file_and_inside_a_repository_its_own(tmp_path, folder, monkeypatch):
    user = str(tmp_path / "user" / "config.yaml")
    assert output("path").splitlines() == [user, str(folder / ".agentflow" / "config.yaml")]
    monkeypatch.chdir(tmp_path)
    assert output("path").splitlines() == [user]
