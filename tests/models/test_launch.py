"""The environment a session starts with."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agentflow.models import launch
from agentflow.models.launch import cli_environment, dropped_variables, launcher, tightened_path
from agentflow.models.login import HANDOVER, Login, LoginKind
from agentflow.models.session import Endpoint


def test_a_key_user_gets_a_private_home_and_config_folder(session, tmp_path):
    env = cli_environment(session, Endpoint(), Login(LoginKind.API_KEY, "key"), {"HOME": str(tmp_path)})
    assert env["HOME"] == str(session.private_dir / "home")
    assert env["CLAUDE_CONFIG_DIR"] == str(session.private_dir / "claude")


def test_a_subscription_user_keeps_the_config_folder_that_holds_the_login(session, tmp_path):
    env = cli_environment(session, Endpoint(), Login(LoginKind.SUBSCRIPTION), {"HOME": str(tmp_path)})
    assert env["HOME"] == str(tmp_path)
    assert "CLAUDE_CONFIG_DIR" not in env


def test_toolchains_keep_pointing_at_the_real_home(session, tmp_path):
    (tmp_path / ".cargo").mkdir()
    inherited = {"HOME": str(tmp_path), "PYENV_ROOT": "/opt/pyenv"}
    env = cli_environment(session, Endpoint(), Login(LoginKind.API_KEY, "key"), inherited)
    assert (env["CARGO_HOME"], env["PYENV_ROOT"]) == (str(tmp_path / ".cargo"), "/opt/pyenv")
    assert "GOPATH" not in env


def test_the_endpoints_address_goes_before_the_inherited_one(session):
    inherited = {"ANTHROPIC_BASE_URL": "http://inherited"}
    login = Login(LoginKind.API_KEY, "key")
    assert cli_environment(session, Endpoint("http://own"), login, inherited)["ANTHROPIC_BASE_URL"] == "http://own"
    assert cli_environment(session, Endpoint(), login, inherited)["ANTHROPIC_BASE_URL"] == "http://inherited"
    assert "ANTHROPIC_BASE_URL" not in cli_environment(session, Endpoint(), login, {})


def test_only_known_variables_are_inherited():
    inherited = ["PATH", "LC_ALL", "HTTPS_PROXY", "GITHUB_TOKEN", "CLAUDECODE", "DATABASE_URL", "HOME"]
    assert dropped_variables(inherited, {"HOME": "x"}) == ["CLAUDECODE", "DATABASE_URL", "GITHUB_TOKEN"]


def test_sessions_of_a_run_share_their_launcher(tmp_path):
    first = launcher(tmp_path / "claude", ["A"], tmp_path)
    assert launcher(tmp_path / "claude", ["A"], tmp_path) == first
    assert launcher(tmp_path / "claude", ["A", "B"], tmp_path) != first
    assert first.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("given", "more"),
    [
        (["--dev", "/dev", "--proc", "/proc"], ["--unshare-ipc", "--ro-bind", "/proc/sys", "/proc/sys"]),
        (["--bind", "/proc", "/proc"], []),
        (["--help"], []),
    ],
)
def test_the_clis_bubblewrap_is_the_systems_with_what_it_leaves_out(tmp_path, monkeypatch, given, more):
    system, rest = tmp_path / "the system's", ["--setenv", "A", "b  'c'\n$d", "", "--", "bash", "-c", "--proc /proc"]
    system.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    system.chmod(0o700)
    monkeypatch.setattr(launch, "bubblewrap", lambda: str(system))
    env = {"PATH": tightened_path(tmp_path, os.environ["PATH"])}
    for _ in range(2):
        told = subprocess.run(["/usr/bin/env", "bwrap", *given, *rest], env=env, capture_output=True, check=True)
        assert told.stdout.decode().split("\0")[:-1] == [*given, *more, *rest]


def test_without_a_bubblewrap_of_the_systems_the_path_stays_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "bubblewrap", lambda: None)
    assert tightened_path(tmp_path, "/usr/bin") == "/usr/bin"


def read_of_group(leader, name):
    """A file below /proc of every process in a group."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or a zombie
            if os.getpgid(int(process.name)) == leader:
                yield (process / name).read_bytes()


def until(happened):
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs setsid and setpriv")
def test_what_the_cli_leaves_in_its_group_dies_with_it(tmp_path):
    cli = tmp_path / "claude"
    cli.write_text("#!/bin/sh\nsleep 97 &\necho started\nexec sleep 98\n")
    cli.chmod(0o700)
    process = subprocess.Popen([launcher(cli, [], tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline()
    until(lambda: b"sleep\x002147483647\0" in read_of_group(process.pid, "cmdline"))
    process.kill()
    until(lambda: not any(read_of_group(process.pid, "cmdline")))
    process.communicate()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="environments are read through /proc")
def test_no_process_of_a_session_has_the_handed_over_login_in_its_environment(tmp_path):
    cli = tmp_path / "claude"
    cli.write_text("#!/bin/sh\ncat <&3\nexec sleep 98\n")
    cli.chmod(0o700)
    env = {"PATH": os.environ["PATH"], HANDOVER: "the-key"}
    process = subprocess.Popen([launcher(cli, [], tmp_path)], env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "the-key\n"
    environments = list(read_of_group(process.pid, "environ"))
    assert len(environments) > 1
    assert not [environment for environment in environments if b"the-key" in environment]
    process.kill()
    process.communicate()
