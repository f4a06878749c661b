"""The sandbox's settings, and what it may leave behind."""

from __future__ import annotations

import pytest

from agentflow.models.sandbox import remove_placeholders, sandbox_settings


def test_the_home_is_hidden_but_for_worktree_repository_toolchains_and_programs(worktree, tmp_path):
    for folder in (".pyenv", ".ssh", "venv/bin", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    env = {"PATH": f"{tmp_path}/venv/bin:{tmp_path}/tools:/usr/bin"}
    files = sandbox_settings(worktree, tmp_path / "private", tmp_path, env)["filesystem"]
    assert files["denyRead"][:2] == [str(tmp_path), str(tmp_path / "private")]
    names = (worktree, *(tmp_path / name for name in ("repository/.git", ".pyenv", "venv/bin", "venv", "tools")))
    assert files["allowRead"] == [str(name) for name in names]


def test_the_checkout_and_agentflows_own_folders_are_hidden_wherever_they_lie(worktree, tmp_path, monkeypatch):
    names = ("state", "cache", "config")
    for name in (*names, "home", "state/private", "cache/environments/one/bin"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    for name in names:
        monkeypatch.setenv(f"AGENTFLOW_{name.upper()}_DIR", str(tmp_path / name))
    (tmp_path / "cache/environments/one/pyvenv.cfg").touch()
    env = {"PATH": f"{tmp_path}/cache/environments/one/bin:/usr/bin"}
    places = (worktree, tmp_path / "state/private", tmp_path / "home", env, tmp_path / "repository")
    files = sandbox_settings(*places)["filesystem"]
    assert set(files["denyRead"]) >= {str(tmp_path / name) for name in (*names, "home", "repository")}
    assert {str(tmp_path / name) for name in ("repository/.git", "cache/environments/one")} <= set(files["allowRead"])


def test_the_sandbox_fails_closed_and_has_no_network(worktree, tmp_path):
    settings = sandbox_settings(worktree, tmp_path / "private", tmp_path, {})
    assert settings["failIfUnavailable"]
    assert not settings["allowUnsandboxedCommands"]
    assert settings["network"] == {"allowedDomains": []}
    assert {entry["mode"] for entry in settings["credentials"]["envVars"]} == {"deny"}


def test_placeholders_are_removed_and_real_files_stay(worktree):
    (worktree / ".claude" / ".cc-writes").mkdir(parents=True)
    for name in (".bashrc", ".mcp.json", ".claude/skills"):
        (worktree / name).touch(mode=0o444)
    (worktree / ".gitmodules").touch(mode=0o644)
    (worktree / ".vscode").mkdir()
    (worktree / ".profile").symlink_to("src/app.py")
    remove_placeholders(worktree)
    left = sorted(path.name for path in worktree.iterdir())
    assert left == [".git", ".gitmodules", ".profile", ".vscode", "src"]


def test_what_the_checks_environment_leads_to_is_readable_and_never_the_hidden_folders_themselves(worktree, tmp_path):
    private = tmp_path / "private"
    for folder in ("home-python/bin", "home-python/lib/python3", "own/bin", "private/shim"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "home-python/bin/python").touch()
    (tmp_path / "home-python/lib/python3/os.py").touch()
    (tmp_path / "own/pyvenv.cfg").touch()
    (tmp_path / "own/bin/python").symlink_to(tmp_path / "home-python/bin/python")
    env = {"PATH": f"{tmp_path}/own/bin", "PYTHONPATH": f"{private}/shim:{tmp_path}:{private}"}
    readable = sandbox_settings(worktree, private, tmp_path, env)["filesystem"]["allowRead"]
    assert {f"{tmp_path}/own", f"{tmp_path}/home-python", f"{private}/shim"} <= set(readable)
    assert not {str(tmp_path), str(private)} & set(readable)


@pytest.mark.security("T2")
def test_what_a_worker_can_write_makes_nothing_of_the_users_readable(worktree, tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))
    site = tmp_path / "cache/own/lib/python3.11/site-packages/x-1.dist-info"
    for folder in (tmp_path / "private/bin", tmp_path / "cache/own/bin", site):
        folder.mkdir(parents=True)
    (tmp_path / "cache/own/pyvenv.cfg").touch()
    (tmp_path / "private/bin/key").touch()
    (tmp_path / "cache/own/bin/python").symlink_to(tmp_path / "private/bin/key")
    (site / "direct_url.json").write_text(f'{{"url": "file://{tmp_path}/private", "dir_info": {{"editable": true}}}}')
    (worktree / "lib").symlink_to(tmp_path / "private")
    env = {"PATH": f"{tmp_path}/cache/own/bin", "PYTHONPATH": f"{worktree}/lib"}
    readable = sandbox_settings(worktree, tmp_path / "hidden", tmp_path, env)["filesystem"]["allowRead"]
    assert {path for path in readable if "own" in path} == {f"{tmp_path}/cache/own", f"{tmp_path}/cache/own/bin"}
    assert not {f"{tmp_path}/private", f"{worktree}/lib"} & set(readable)


@pytest.mark.security("T2")
@pytest.mark.parametrize("told", ["{private}", "{private}/worktrees/one", "{private}/a/../worktrees/one", "\0"])
def test_a_worktree_that_points_elsewhere_makes_nothing_there_readable(worktree, tmp_path, told):
    (tmp_path / "private/worktrees/one").mkdir(parents=True)
    (tmp_path / "private/worktrees/one/gitdir").write_text("elsewhere/.git\n")
    (worktree / ".git").write_text(f"gitdir: {told.format(private=tmp_path / 'private')}\n")
    readable = sandbox_settings(worktree, tmp_path / "hidden", tmp_path, {})["filesystem"]["allowRead"]
    assert readable == [str(worktree)]
