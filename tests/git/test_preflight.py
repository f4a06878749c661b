from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.preflight import preflight

BRANCH = "agentflow/run-1"


@pytest.fixture(autouse=True)
def _known_to_git(monkeypatch):
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "ada@example.org")


def check(repo, branch=BRANCH):
    return asyncio.run(preflight(repo.open(), branch))


def test_a_clean_checkout_gives_no_notices(repo):
    assert check(repo) == ()


def test_uncommitted_work_is_counted_and_the_start_named(repo):
    repo.write("app.py", "dirty\n")
    repo.write("staged.py")
    repo.git("add", "staged.py")
    repo.write("new/a.txt")
    repo.write("new/b.txt")
    repo.write("new/c.txt")
    start = repo.git("rev-parse", "HEAD")[:7]
    expected = f"2 uncommitted changes and 3 untracked files are not part of this run; it starts from {start}"
    assert check(repo) == (expected,)


def test_one_untracked_file_is_one(repo):
    repo.write("notes.txt")
    (notice,) = check(repo)
    assert notice.startswith("1 untracked file is not part of this run")


def test_a_held_index_lock_does_not_matter_and_nothing_is_written(repo):
    repo.write("app.py", "dirty\n")
    before = repo.state()
    (repo.root / ".git" / "index.lock").touch()
    assert len(check(repo)) == 1
    (repo.root / ".git" / "index.lock").unlink()
    assert repo.state() == before


def test_a_detached_head_is_told(repo):
    repo.git("switch", "--quiet", "--detach")
    (notice,) = check(repo)
    assert "HEAD is detached" in notice


def test_that_worktrees_hold_what_a_sparse_checkout_leaves_away_is_told(repo):
    repo.git("sparse-checkout", "set", "elsewhere")
    (notice,) = check(repo)
    assert "sparse" in notice
    repo.git("sparse-checkout", "disable")
    assert check(repo) == ()


def test_a_merge_in_progress_is_told(repo):
    repo.git("switch", "--quiet", "--create", "other")
    repo.commit_files({"app.py": "theirs\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit_files({"app.py": "ours\n"})
    repo.git("merge", "other", check=False)
    assert any(notice.startswith("a merge is in progress") for notice in check(repo))


def test_submodules_are_told_apart_by_whether_their_files_will_be_there(with_submodule):
    (notice,) = check(with_submodule)
    assert "'vendor/lib' is there for reading" in notice
    with_submodule.git("submodule", "deinit", "--force", "vendor/lib")
    (notice,) = check(with_submodule)
    assert "git submodule update --init" in notice


@pytest.mark.parametrize("blocking", ["agentflow", "agentflow/run-1/deeper"])
def test_a_branch_in_the_way_is_refused_with_how_to_rename_it(repo, blocking):
    repo.git("branch", blocking)
    with pytest.raises(EnvironmentError_, match=f"branch '{blocking}' is in the way") as caught:
        check(repo)
    repo.git(*caught.value.hint.removeprefix("rename it: git ").split())
    assert check(repo) == ()


@pytest.mark.parametrize(
    "harmless", ["agentflow/run-2", "agentflow/run-1", "agentflow/run-10/x", "agentflows", "x/agentflow"]
)
def test_other_branches_are_not_in_the_way(repo, harmless):
    repo.git("branch", harmless)
    assert check(repo) == ()


@pytest.mark.parametrize("name", ["filter.x.clean", "filter.x.smudge", "filter.x.process", "filter.a b.c.clean"])
def test_a_filter_in_the_repositorys_own_settings_is_refused(repo, name):
    repo.git("config", name, "cat")
    with pytest.raises(EnvironmentError_, match="configures the program") as caught:
        check(repo)
    assert "--global" in caught.value.hint


def test_a_filter_in_an_included_file_is_refused(repo):
    repo.git("config", "include.path", "more")
    (repo.root / ".git" / "more").write_text('[filter "x"]\n\tclean = cat\n')
    with pytest.raises(EnvironmentError_):
        check(repo)


def test_a_filter_of_an_initialised_submodule_is_refused(with_submodule):
    type(with_submodule)(with_submodule.root / "vendor" / "lib").git("config", "filter.x.smudge", "cat")
    with pytest.raises(EnvironmentError_, match=r"modules/vendor/lib/config configures"):
        check(with_submodule)


def test_git_lfs_is_let_through_and_an_impostor_is_not(repo):
    for kind, command in {
        "clean": "git-lfs clean -- %f",
        "smudge": "git-lfs smudge -- %f",
        "process": "git-lfs filter-process",
    }.items():
        repo.git("config", f"filter.lfs.{kind}", command)
    repo.git("config", "filter.lfs.required", "true")
    assert check(repo) == ()
    repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f; touch /tmp/x")
    with pytest.raises(EnvironmentError_):
        check(repo)


@pytest.fixture
def lfs(repo, monkeypatch, tmp_path):
    """A repository with a file in LFS; `lfs(installed)` says whether there is a git-lfs."""
    repo.commit_files({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": "version ...\n"})
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()

    def install() -> None:
        program = bin_folder / "git-lfs"
        program.write_text("#!/bin/sh\ncase $1 in clean | smudge) cat ;; esac\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", f"{bin_folder}:{Path(shutil.which('git')).parent}:/usr/bin:/bin")
    if shutil.which("git-lfs"):
        pytest.skip("git-lfs is installed here")
    return install


def configure_lfs(repo):
    for kind in ("clean", "smudge"):
        repo.git("config", f"filter.lfs.{kind}", f"git-lfs {kind} -- %f")
    repo.git("config", "filter.lfs.required", "true")


def test_files_in_lfs_without_git_lfs_are_refused_where_git_insists_on_it(repo, lfs):
    configure_lfs(repo)
    with pytest.raises(EnvironmentError_, match="git-lfs is not on PATH") as caught:
        check(repo)
    assert "install git-lfs" in caught.value.hint
    lfs()
    assert check(repo) == ()


def test_files_in_lfs_that_nobody_set_up_are_told_to_be_pointers(repo, lfs):
    (notice,) = check(repo)
    assert notice.startswith("1 file that Git LFS keeps is a pointer in this run")


def test_commits_that_the_user_signs_are_told_not_to_be_signed(repo):
    repo.git("config", "commit.gpgSign", "true")
    (notice,) = check(repo)
    assert "does not sign" in notice


@pytest.mark.parametrize(("attributes", "told"), [("*.txt eol=crlf\n", 1), ("*.txt -text\n", 1), ("*.c diff=cpp\n", 0)])
def test_conversions_of_this_clone_alone_are_told(repo, attributes, told):
    (repo.root / ".git" / "info").mkdir(exist_ok=True)
    (repo.root / ".git" / "info" / "attributes").write_text(attributes)
    assert len([notice for notice in check(repo) if "no other clone" in notice]) == told


def test_a_filter_of_the_users_own_settings_is_the_users_choice(repo, tmp_path, monkeypatch):
    (tmp_path / "own").write_text('[filter "x"]\n\tclean = cat\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "own"))
    assert check(repo) == ()


def test_a_git_that_is_too_old_is_refused(repo, tmp_path, monkeypatch):
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    real = shutil.which("git")
    old.write_text(f'#!/bin/sh\ncase "$*" in *--version) echo git version 2.37.9;; *) exec {real} "$@";; esac\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    with pytest.raises(EnvironmentError_, match=r"2\.37\.9 is too old") as caught:
        repo.open()
    assert "2.38" in caught.value.hint


def test_nothing_a_hostile_repository_configures_runs(repo, make_hostile, tripwire):
    make_hostile(repo)
    repo.write("app.py", "dirty\n")
    uncommitted, unsigned = check(repo)
    assert ("uncommitted" in uncommitted, "sign" in unsigned) == (True, True)
    assert not tripwire.exists()
