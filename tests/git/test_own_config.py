from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git, own_settings
from agentflow.git.discovery import git_dirs
from agentflow.git.linked import git_in
from agentflow.git.preflight import preflight
from agentflow.git.worktrees import add_worktree


def seen(repo, name):
    """What git itself takes a setting to be when agentflow starts it."""
    return asyncio.run(git(repo.root, "config", "--get-all", name, check=False)).stdout.splitlines()


@pytest.fixture
def users(tmp_path, monkeypatch):
    """The user's own settings."""
    path = tmp_path / "users-gitconfig"
    path.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    return lambda name, value: os.system(f"git config --file {path} --add {name} '{value}'")


def test_a_program_of_the_repository_is_not_gits_any_more(repo):
    repo.git("config", "core.sshCommand", "evil")
    assert seen(repo, "core.sshCommand")[-1] == "ssh"


def test_what_the_user_has_set_for_all_repositories_holds_over_the_repositorys(repo, users):
    users("core.sshCommand", "ssh -i mine")
    repo.git("config", "core.sshCommand", "evil")
    assert seen(repo, "core.sshCommand")[-1] == "ssh -i mine"


def test_helpers_are_the_users_own_and_begin_anew_after_the_repositorys(repo, users):
    users("credential.helper", "cache")
    users("credential.https://example.org.helper", "mine")
    repo.git("config", "credential.https://example.org.helper", "!evil")
    assert seen(repo, "credential.helper")[-3:] == ["cache", "", "cache"]
    assert seen(repo, "credential.https://example.org.helper")[-1] == "mine"


def test_a_call_keeps_the_settings_that_it_gives_itself(repo):
    repo.git("config", "merge.spy.driver", "evil")
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ada"}
    assert asyncio.run(git(repo.root, "config", "user.name", env=given)).line == "Ada"
    assert asyncio.run(git(repo.root, "config", "merge.spy.driver", env=given)).line.startswith("git merge-file")


@pytest.mark.parametrize("how", ["config", "include", "config.worktree", "included later"])
def test_what_comes_in_after_the_first_look_is_put_out_of_action_too(repo, tripwire, how):
    more = repo.root / ".git" / "more"
    if how in {"include", "included later"}:
        repo.git("config", "include.path", "more")
    if how == "config.worktree":
        repo.git("config", "extensions.worktreeConfig", "true")
    asyncio.run(preflight(repo.open(), "agentflow/run-1"))
    filters = f"[filter \"spy\"]\n\tclean = touch '{tripwire}'; cat\n\tsmudge = touch '{tripwire}'; cat\n"
    target = more if how.startswith("include") else repo.root / ".git" / how
    with target.open("a", encoding="utf-8") as file:
        file.write(filters)
    repo.write(".gitattributes", "*.py filter=spy\n")
    repo.write("app.py", "changed\n")
    asyncio.run(git(repo.root, "add", "--all"))
    assert asyncio.run(git(repo.root, "cat-file", "blob", ":app.py")).stdout == "changed\n"
    assert not tripwire.exists()
    repo.write("app.py", "changed again\n")
    repo.git("add", "--all")
    assert tripwire.exists()


def test_a_condition_that_only_worktrees_meet_brings_nothing_in(repo, tripwire, new_worktree):
    path = new_worktree()
    filters = repo.root / ".git" / "armed"
    filters.write_text(f"[filter \"spy\"]\n\tsmudge = touch '{tripwire}'; cat\n")
    repo.git("config", f"includeIf.gitdir:{repo.root}/.git/worktrees/**.path", str(filters))
    repo.commit_files({".gitattributes": "*.py filter=spy\n"})
    repository = repo.open()
    asyncio.run(add_worktree(repository, path, repo.git("rev-parse", "HEAD")))
    asyncio.run(git_in(repository, path, "reset", "--hard"))
    assert not tripwire.exists()
    with pytest.raises(EnvironmentError_, match=r"armed configures the program filter\.spy\.smudge"):
        asyncio.run(preflight(repository, "agentflow/run-1"))
    repo.git("worktree", "add", "--quiet", str(path.parent / "by-hand"))
    assert tripwire.exists()


def test_an_alias_does_not_stand_in_for_git_lfs(repo, tripwire, monkeypatch):
    assert shutil.which("git-lfs") is None
    repo.git("config", "alias.lfs", f"!touch '{tripwire}'")
    repo.commit_files({".gitattributes": "*.bin filter=lfs\n", "a.bin": "version ...\n"})
    asyncio.run(preflight(repo.open(), "agentflow/run-1"))
    asyncio.run(git(repo.root, "lfs", "version", check=False))
    assert not tripwire.exists()


def test_a_pipe_in_the_configurations_place_is_an_error_and_nothing_waits(repo):
    os.mkfifo(repo.root / ".git" / "pipe")
    repo.git("config", "include.path", "pipe")
    with pytest.raises(EnvironmentError_, match="pipe should hold git configuration and is no file"):
        asyncio.run(git(repo.root, "status"))


def test_includes_without_end_are_refused(repo):
    for n in range(80):
        (repo.root / ".git" / f"more-{n}").write_text(f"[include]\n\tpath = more-{n + 1}\n")
    repo.git("config", "include.path", "more-0")
    with pytest.raises(EnvironmentError_, match="more than 64 files of git configuration"):
        asyncio.run(git(repo.root, "rev-parse", "HEAD"))


def test_files_that_include_each_other_are_read_once(repo):
    (repo.root / ".git" / "more").write_text("[include]\n\tpath = config\n[core]\n\teditor = evil\n")
    repo.git("config", "includeIf.onbranch:never.path", "more")
    found = [setting.name for setting in asyncio.run(own_settings(repo.root)).settings]
    assert found.count("core.editor") == 1


def test_a_folder_is_looked_for_where_git_finds_it(repo, with_submodule, new_worktree, tmp_path):
    repository, path = repo.open(), new_worktree()
    asyncio.run(add_worktree(repository, path, repository.head))
    common = repo.root / ".git"
    assert git_dirs(repo.root / "docs", {}) == (common, common)
    assert git_dirs(path, {}) == (common / "worktrees" / path.name, common)
    assert git_dirs(common / "worktrees" / path.name, {}) == (common / "worktrees" / path.name, common)
    assert git_dirs(tmp_path, {"GIT_DIR": str(common)}) == (common, common)
    library = with_submodule.root / "vendor" / "lib"
    own, shared = git_dirs(library, {})
    assert own.resolve() == shared.resolve() == (with_submodule.root / ".git/modules/vendor/lib").resolve()
    assert git_dirs(Path("/"), {}) is None


@pytest.mark.parametrize("inner", ["empty folder", "broken HEAD", "strange file", "line end"])
def test_a_repository_around_one_that_git_does_not_take_for_one_is_put_out_of_action_too(repo, inner):
    repo.git("config", "core.sshCommand", "evil")
    place = repo.root / "sub" / ".git"
    place.parent.mkdir()
    if inner == "empty folder":
        place.mkdir()
    elif inner == "broken HEAD":
        shutil.copytree(repo.root / ".git", place)
        (place / "HEAD").write_text("nonsense\n")
        (place / "config").write_text("")
    else:
        place.write_text("gitdir: ../.git\0/nowhere\n" if inner == "strange file" else f"gitdir: {repo.root}/.git\r\n")
    answer = asyncio.run(git(place.parent, "config", "core.sshCommand", check=False))
    assert answer.line == "ssh"
