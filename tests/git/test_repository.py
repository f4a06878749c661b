from __future__ import annotations

import asyncio
import os

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.repository import author, config_of, open_repository


def opened(path):
    return asyncio.run(open_repository(path))


def test_a_checkout_is_found_from_its_subfolders(repo):
    repository = opened(repo.root / "docs")
    assert repository.root == repo.root
    assert repository.common_dir == repo.root / ".git"
    assert repository.head == repo.git("rev-parse", "HEAD")
    assert repository.branch == "main"


def test_a_branch_name_with_slashes_is_kept_whole(repo):
    repo.git("switch", "--quiet", "--create", "heads/a/b")
    assert repo.open().branch == "heads/a/b"


def test_a_detached_head_has_no_branch(repo):
    repo.git("switch", "--quiet", "--detach")
    assert repo.open().branch is None


def test_a_linked_worktree_is_its_own_root_with_the_shared_git_directory(repo, tmp_path):
    repo.git("worktree", "add", "--quiet", "-b", "own", str(tmp_path / "own"))
    repository = opened(tmp_path / "own")
    assert (repository.root, repository.common_dir) == (tmp_path / "own", repo.root / ".git")
    assert repository.branch == "own"


def test_a_submodule_is_a_repository_of_its_own(with_submodule):
    repository = opened(with_submodule.root / "vendor" / "lib")
    assert repository.root == with_submodule.root / "vendor" / "lib"
    assert repository.common_dir == with_submodule.root / ".git" / "modules" / "vendor" / "lib"


def test_a_root_with_a_newline_in_its_name_is_found(make_repo):
    checkout = make_repo("two\nlines\n")
    assert checkout.open().root == checkout.root


def test_outside_a_repository_the_hint_says_how_to_start_one(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(EnvironmentError_, match="is not in a git repository") as caught:
        opened(tmp_path)
    assert "git init" in caught.value.hint


def test_a_bare_repository_is_refused(repo, tmp_path):
    repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    with pytest.raises(EnvironmentError_, match="a bare repository") as caught:
        opened(tmp_path / "bare.git")
    assert "clone" in caught.value.hint


def test_the_inside_of_a_git_directory_is_refused(repo):
    with pytest.raises(EnvironmentError_, match="inside a git directory"):
        opened(repo.root / ".git" / "refs")


def test_an_unborn_branch_asks_for_a_first_commit(repo):
    repo.git("switch", "--quiet", "--orphan", "empty")
    with pytest.raises(EnvironmentError_, match="has no commit yet") as caught:
        repo.open()
    assert "git commit" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder to another user takes root")
def test_a_repository_of_another_user_explains_how_to_trust_it(repo):
    os.chown(repo.root, 65534, 65534)
    os.chown(repo.root / ".git", 65534, 65534)
    with pytest.raises(EnvironmentError_, match="belongs to another user") as caught:
        repo.open()
    assert f"safe.directory {repo.root}" in caught.value.hint


OURS = {
    "GIT_AUTHOR_NAME": "agentflow",
    "GIT_AUTHOR_EMAIL": "agentflow@localhost",
    "GIT_COMMITTER_NAME": "agentflow",
    "GIT_COMMITTER_EMAIL": "agentflow@localhost",
}


def identity(repo):
    return author(asyncio.run(config_of(repo.open())))


def test_without_an_identity_commits_are_agentflows(repo):
    assert identity(repo) == OURS


@pytest.mark.parametrize("half", ["user.name", "user.email"])
def test_half_an_identity_is_none(repo, half):
    repo.git("config", half, "Ada")
    assert identity(repo) == OURS


def test_the_users_identity_is_used_with_the_roles_own_above_it(repo):
    repo.git("config", "user.name", "Ada")
    repo.git("config", "user.email", "ada@example.org")
    repo.git("config", "committer.email", "bot@example.org")
    assert identity(repo) == {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "bot@example.org",
    }


def test_an_identity_in_the_environment_comes_first(repo, monkeypatch):
    repo.git("config", "user.name", "Ada")
    repo.git("config", "user.email", "ada@example.org")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Grace")
    assert identity(repo)["GIT_AUTHOR_NAME"] == "Grace"
    assert identity(repo)["GIT_COMMITTER_NAME"] == "Ada"
