import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.checks.environment import check_environment

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


def test_an_active_virtualenv_stays_first(monkeypatch, tmp_path, write):
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    monkeypatch.setenv("PATH", "/active/bin:/usr/bin")
    environment = check_environment(tmp_path, write({".venv/bin/python": ""}))
    assert environment["PATH"] == "/active/bin:/usr/bin"
    assert environment["VIRTUAL_ENV"] == "/active"


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
