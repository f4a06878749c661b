import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.checks.environment import build_folders, check_environment, session_environment, setup_environment
from agentflow.checks.virtualenvs import make_layered

CANARIES = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "MY_SECRET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SESSION_TOKEN",
    "SSH_AUTH_SOCK",
    "DATABASE_URL",
    "PIP_PASSWORD",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_CONFIG_COUNT",
    "PYTHONSTARTUP",
    "LD_PRELOAD",
    "NODE_OPTIONS",
    "AGENTFLOW_DATABASE_URL",
    "innocent",
]


@pytest.mark.parametrize("name", CANARIES)
def test_no_variable_outside_the_list_reaches_a_check(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, "canary-value")
    environment = check_environment(tmp_path, tmp_path)
    assert name not in environment
    assert "canary-value" not in environment.values()


def test_a_real_check_cannot_see_the_canaries(monkeypatch, repo):
    for name in CANARIES:
        monkeypatch.setenv(name, "canary-value")
    result = repo.check('env; test -n "$PATH"')
    assert result.passed
    assert "AGENTFLOW=1" in result.output_tail
    assert "canary-value" not in result.output_tail


@pytest.mark.parametrize("name", ["HOME", "LC_ALL", "TZ", "CARGO_HOME", "GOPATH", "SSL_CERT_FILE", "CI"])
def test_what_toolchains_need_passes(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, "kept")
    assert check_environment(tmp_path, tmp_path)[name] == "kept"


def test_a_login_inside_an_index_url_is_cut_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://me:secret@a.example/simple https://token@b.example/x?y=@")
    value = check_environment(tmp_path, tmp_path)["PIP_EXTRA_INDEX_URL"]
    assert value == "https://a.example/simple https://b.example/x?y=@"


def test_the_virtualenv_of_the_checkout_comes_first_when_none_is_active(monkeypatch, tmp_path, write):
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin")
    checkout = write({"venv/bin/python": ""})
    environment = check_environment(tmp_path, checkout)
    assert environment["PATH"] == f"{checkout}/venv/bin:/usr/bin"
    assert environment["VIRTUAL_ENV"] == f"{checkout}/venv"


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("cd services/api && python -m pytest -q", "services/api/.venv"),
        ("cd services/web && npm test", ".venv"),
        ("cd ../other && make test", ".venv"),
        ("python -m pytest services/api", ".venv"),
    ],
)
def test_a_project_in_a_folder_of_a_monorepo_has_its_own_virtualenv(monkeypatch, tmp_path, write, command, place):
    monkeypatch.setenv("PATH", "/usr/bin")
    checkout = write({".venv/bin/python": "", "services/api/.venv/bin/python": "", "services/web/package.json": ""})
    assert check_environment(tmp_path, checkout, command=command)["VIRTUAL_ENV"] == f"{checkout}/{place}"


def test_an_active_virtualenv_serves_where_the_checkout_has_none(monkeypatch, tmp_path):
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    monkeypatch.setenv("PATH", "/active/bin:/usr/bin")
    environment = check_environment(tmp_path, tmp_path)
    assert (environment["VIRTUAL_ENV"], environment["PATH"]) == ("/active", "/active/bin:/usr/bin")


def test_another_tools_active_virtualenv_does_not_beat_the_checkouts(monkeypatch, tmp_path, write):
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    monkeypatch.setenv("PATH", "/active/bin:/usr/bin")
    checkout = write({".venv/bin/python": ""})
    environment = check_environment(tmp_path, checkout)
    assert environment["VIRTUAL_ENV"] == f"{checkout}/.venv"
    assert environment["PATH"] == f"{checkout}/.venv/bin:/active/bin:/usr/bin"


def test_the_private_virtualenv_of_a_tool_is_nobodys(monkeypatch, tmp_path):
    (tmp_path / "uv-receipt.toml").touch()
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert "VIRTUAL_ENV" not in check_environment(tmp_path, tmp_path)


def test_the_runs_own_virtualenv_comes_before_the_users(monkeypatch, tmp_path, write):
    monkeypatch.setenv("PATH", "/usr/bin")
    checkout, own = write({".venv/bin/python": ""}), tmp_path / "own"
    environment = check_environment(tmp_path, checkout, own=own)
    assert environment["VIRTUAL_ENV"] == environment["UV_PROJECT_ENVIRONMENT"] == str(own)
    assert environment["PATH"] == f"{own}/bin:{checkout}/.venv/bin:/usr/bin"


def test_what_poetry_keeps_elsewhere_is_found(monkeypatch, tmp_path, write):
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    virtualenv, tools = tmp_path / "cache/thing-py3", tmp_path / "tools"
    (virtualenv / "bin").mkdir(parents=True)
    (virtualenv / "bin/python").touch()
    tools.mkdir()
    (tools / "poetry").write_text(f'#!/bin/sh\ntest -z "$VIRTUAL_ENV" && echo {virtualenv}\n')
    (tools / "poetry").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    environment = check_environment(tmp_path, write({"pyproject.toml": "[tool.poetry]\n"}))
    assert environment["VIRTUAL_ENV"] == str(virtualenv)


def test_an_active_conda_environment_serves_projects_of_condas(monkeypatch, tmp_path, write):
    (tmp_path / "conda/bin").mkdir(parents=True)
    (tmp_path / "conda/bin/python").touch()
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    environment = check_environment(tmp_path, write({"environment.yml": ""}))
    assert environment["CONDA_PREFIX"] == str(tmp_path / "conda")
    assert "VIRTUAL_ENV" not in environment


def test_named_variables_pass_to_checks_and_not_to_sessions(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@db/x")
    environment = check_environment(tmp_path, tmp_path, passed=["DATABASE_URL", "NOT_SET"])
    assert environment["DATABASE_URL"] == "postgres://me:secret@db/x"
    assert "NOT_SET" not in environment
    assert "DATABASE_URL" not in session_environment(environment, ["DATABASE_URL"])


def test_a_session_gets_what_leads_to_programs_and_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    given = session_environment(check_environment(tmp_path, tmp_path, own=tmp_path / "own"))
    assert {"PATH", "VIRTUAL_ENV", "PYTHONPATH"} <= given.keys()
    assert given.keys().isdisjoint({"HOME", "HTTP_PROXY", "AGENTFLOW", "XDG_CONFIG_HOME"})


def test_set_up_without_a_virtualenv_of_its_own_may_not_install_into_another():
    assert setup_environment({}, None) == {"PIP_REQUIRE_VIRTUALENV": "1"}


def test_only_a_plain_cargo_line_shares_its_build_folder(tmp_path):
    (folder,) = build_folders("cargo test --all", tmp_path / "worktrees").values()
    assert Path(folder).is_dir()
    assert build_folders("make test", tmp_path / "worktrees") == {}


@pytest.mark.parametrize("layout", ["", "src/"])
def test_an_editable_install_of_the_checkout_does_not_hide_the_worktree(tmp_path, layout):
    checkout, worktree = tmp_path / "checkout", tmp_path / "worktree"
    for root, value in ((checkout, "old"), (worktree, "new")):
        package = root / layout / "thing"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"value = {value!r}")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    (site,) = (checkout / ".venv/lib").glob("python*/site-packages")
    (site / "editable.pth").write_text(str(checkout / layout))
    environment = check_environment(worktree, checkout)
    code = [str(checkout / ".venv/bin/python"), "-c", "import thing; print(thing.value)"]
    told = subprocess.run(code, env=environment, cwd=Path("/"), capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "new"


def test_a_virtualenv_that_the_repository_brings_is_never_activated(monkeypatch, tmp_path, write):
    checkout = write({".venv/bin/python": "", ".venv/bin/bwrap": ""})
    (checkout / "venv").symlink_to(".venv")
    monkeypatch.setenv("VIRTUAL_ENV", f"{checkout}/.venv")
    monkeypatch.setenv("PATH", f"{checkout}/.venv/bin:/usr/bin")
    environment = check_environment(tmp_path, checkout, tracked={checkout / ".venv"})
    assert environment["PATH"] == "/usr/bin"
    assert "VIRTUAL_ENV" not in environment


@pytest.mark.security("T8")
def test_folders_relative_to_the_worktree_are_not_on_path_but_for_what_package_managers_fill(
    tmp_path, write, monkeypatch
):
    monkeypatch.setenv("PATH", ":.:tools:../bin:./node_modules/.bin:vendor/bin:/usr/bin")
    assert check_environment(tmp_path, write({}))["PATH"] == "./node_modules/.bin:vendor/bin:/usr/bin"


def test_making_a_virtualenv_takes_no_module_from_the_folder_one_is_in(monkeypatch, tmp_path):
    project, tripwire = tmp_path / "project", tmp_path / "tripped"
    (project / "venv").mkdir(parents=True)
    for name in ("venv/__init__.py", "venv/__main__.py", "logging.py"):
        (project / name).write_text(f"open({str(tripwire)!r}, 'w')\n")
    monkeypatch.chdir(project)
    make_layered(tmp_path / "made", {"PATH": os.environ["PATH"]})
    assert (tmp_path / "made" / "bin" / "python").exists()
    assert not tripwire.exists()
