"""Repositories that git cannot use, or that are not where git would look: said as they are, with what helps."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.command import DAMAGED, git
from agentflow.git.preflight import preflight
from agentflow.git.repository import open_repository


def object_of(repo, name):
    oid = repo.git("rev-parse", name)
    return repo.root / ".git" / "objects" / oid[:2] / oid[2:]


def without_its_commit(repo):
    object_of(repo, "HEAD").unlink()


def with_an_empty_commit_object(repo):
    path = object_of(repo, "HEAD")
    path.chmod(0o644)
    path.write_bytes(b"")


def with_an_empty_ref(repo):
    (repo.root / ".git/refs/heads/main").write_text("")


def with_a_ref_of_zeros(repo):
    (repo.root / ".git/refs/heads/main").write_bytes(b"\0" * 41)


def with_a_spoilt_packed_refs(repo):
    repo.git("pack-refs", "--all")
    (repo.root / ".git/packed-refs").write_text("spoilt\n")


def with_a_spoilt_head(repo):
    (repo.root / ".git/HEAD").write_bytes(b"\0" * 20)


def without_its_objects(repo):
    (repo.root / ".git/objects").rename(repo.root / "elsewhere")


@pytest.mark.parametrize(
    "spoil",
    [
        without_its_commit,
        with_an_empty_commit_object,
        with_an_empty_ref,
        with_a_ref_of_zeros,
        with_a_spoilt_packed_refs,
        with_a_spoilt_head,
        without_its_objects,
    ],
)
def test_what_is_damaged_is_never_said_to_be_new(repo, spoil):
    spoil(repo)
    with pytest.raises(EnvironmentError_) as caught:
        repo.open()
    assert caught.value.hint == DAMAGED
    assert "no commit yet" not in caught.value.message


@pytest.mark.parametrize("name", ["HEAD^{tree}", "HEAD:docs", "HEAD:app.py"])
def test_an_object_that_is_missed_later_gets_the_same_advice(repo, name):
    object_of(repo, name).unlink()
    (repo.root / ".git/index").unlink()
    (repo.root / "app.py").unlink()
    with pytest.raises(EnvironmentError_) as caught:
        asyncio.run(git(repo.root, "reset", "--hard"))
    assert caught.value.hint == DAMAGED


def test_a_damaged_index_gets_advice_of_its_own(repo):
    (repo.root / ".git/index").write_bytes(b"DIRC spoilt")
    with pytest.raises(EnvironmentError_) as caught:
        asyncio.run(git(repo.root, "status"))
    assert caught.value.hint.endswith("mv .git/index away, then git reset")


def test_a_worktree_whose_repository_was_moved_is_told_how_to_find_it(repo, tmp_path):
    repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    repo.root.rename(tmp_path / "moved")
    with pytest.raises(EnvironmentError_, match="leads to") as caught:
        asyncio.run(open_repository(tmp_path / "linked"))
    assert caught.value.hint == f"if that was moved, say so there: git worktree repair {tmp_path / 'linked'}"


@pytest.mark.parametrize(
    ("variable", "place"),
    [("GIT_DIR", ".git"), ("GIT_WORK_TREE", "."), ("GIT_COMMON_DIR", ".git"), ("GIT_OBJECT_DIRECTORY", ".git/objects")],
)
class TestPlacesThatVariablesName:
    def test_the_one_that_git_finds_by_itself_is_fine(self, repo, monkeypatch, variable, place):
        for given in (place, str(repo.root / place)):
            monkeypatch.setenv(variable, given)
            assert repo.open().root == repo.root

    def test_any_other_is_named(self, repo, make_repo, monkeypatch, variable, place):
        monkeypatch.setenv(variable, str(make_repo("other").root / place))
        with pytest.raises(EnvironmentError_, match=f"^{variable} is ") as caught:
            repo.open()
        assert caught.value.hint == f"unset {variable}, or go to the folder you mean"

    def test_outside_of_any_repository_it_is_named_too(self, repo, tmp_path, monkeypatch, variable, place):
        (tmp_path / "empty").mkdir()
        monkeypatch.setenv(variable, str(repo.root / place))
        with pytest.raises(EnvironmentError_, match=f"agentflow does not go by {variable}") as caught:
            asyncio.run(open_repository(tmp_path / "empty"))
        assert "git worktree add" in caught.value.hint


def test_a_hook_of_a_linked_worktree_opens_that_worktree(repo, tmp_path, monkeypatch):
    repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    monkeypatch.setenv("GIT_DIR", str(repo.root / ".git/worktrees/linked"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(repo.root / ".git/worktrees/linked/index"))
    opened = asyncio.run(open_repository(tmp_path / "linked"))
    assert opened.root == tmp_path / "linked"
    assert not any("GIT_INDEX_FILE" in notice for notice in asyncio.run(preflight(opened, "agentflow/run-1")))


def test_another_index_is_said_to_be_no_part_of_the_run(repo, monkeypatch):
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-12.lock")
    notices = asyncio.run(preflight(repo.open(), "agentflow/run-1"))
    assert "what is staged in GIT_INDEX_FILE (.git/next-index-12.lock) is not part of this run" in notices


def test_an_identity_that_git_does_not_know_is_said(repo):
    (notice,) = asyncio.run(preflight(repo.open(), "agentflow/run-1"))
    assert notice.endswith("so the run's commits are by agentflow <agentflow@localhost>")
