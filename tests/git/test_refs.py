"""A run's refs stand outside the branches, and go when they are of no use."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.git import refs
from agentflow.git.refs import clear_scratch, forget_merged, hold_base, pack, scratch_refs
from agentflow.git.run_refs import refs_of


def all_refs(repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/agentflow", "refs/heads/agentflow").splitlines()


def a_run(repo, run: str, *, branch: bool = True) -> str:
    """A run with a commit on its branch, an attempt that failed, and its scratch."""
    before = repo.git("rev-parse", "HEAD")
    asyncio.run(hold_base(repo.open(), run, before))
    commit = repo.commit_files({f"{run}.py": "x = 1\n"}, f"Work of {run}")
    repo.git("reset", "--quiet", "--hard", before)
    if branch:
        repo.git("branch", f"agentflow/{run}", commit)
    repo.git("update-ref", f"{refs_of(run)}store/1", commit)
    repo.git("update-ref", f"{scratch_refs(run)}store/1-merged", commit)
    return commit


def test_scratch_is_deleted_and_attempts_are_kept(repo):
    a_run(repo, "r1")
    a_run(repo, "r2")
    asyncio.run(clear_scratch(repo.open(), "r1"))
    asyncio.run(clear_scratch(repo.open(), "r1"))
    assert all_refs(repo) == [
        *("refs/agentflow/r1/store/1", "refs/agentflow/r2/_scratch/base", "refs/agentflow/r2/_scratch/store/1-merged"),
        *("refs/agentflow/r2/store/1", "refs/heads/agentflow/r1", "refs/heads/agentflow/r2"),
    ]


@pytest.mark.parametrize("where", ["HEAD", "main", "origin/main"])
def test_a_run_whose_result_is_on_the_users_own_branch_is_forgotten(repo, where):
    commit = a_run(repo, "r1")
    kept = a_run(repo, "r2")
    if where == "HEAD":
        repo.git("merge", "--quiet", commit)
    elif where == "main":
        repo.git("checkout", "--quiet", "-b", "feature")
        repo.git("branch", "--force", "main", commit)
    else:
        repo.git("update-ref", "refs/remotes/origin/main", commit)
    asyncio.run(forget_merged(repo.open(), ["r1", "r2", "unknown"]))
    assert not [ref for ref in all_refs(repo) if "r1" in ref]
    assert repo.git("rev-parse", "agentflow/r2") == kept
    assert f"{refs_of('r2')}store/1" in all_refs(repo)


def test_a_result_that_its_branch_could_not_take_is_kept(repo):
    commit = a_run(repo, "r1", branch=False)
    repo.git("update-ref", f"{refs_of('r1')}_tip", commit)
    asyncio.run(forget_merged(repo.open(), ["r1"]))
    assert f"{refs_of('r1')}store/1" in all_refs(repo)


def test_a_run_without_a_result_is_forgotten(repo):
    a_run(repo, "r1", branch=False)
    asyncio.run(forget_merged(repo.open(), ["r1"]))
    assert all_refs(repo) == []


def test_a_branch_that_is_checked_out_stays(repo):
    a_run(repo, "r1")
    repo.git("checkout", "--quiet", "agentflow/r1")
    asyncio.run(forget_merged(repo.open(), ["r1"]))
    assert all_refs(repo) == ["refs/heads/agentflow/r1"]


@pytest.mark.parametrize("many", [True, False])
def test_many_refs_are_packed_and_a_few_are_left_alone(repo, monkeypatch, many):
    monkeypatch.setattr(refs, "_MANY", 2 if many else 3)
    a_run(repo, "r1")
    before = repo.git("for-each-ref")
    asyncio.run(pack(repo.open()))
    assert repo.git("for-each-ref") == before
    assert (repo.root / ".git" / "refs" / "agentflow" / "r1" / "store" / "1").exists() is not many


def test_packing_gives_way_to_somebody_else_who_packs(repo, monkeypatch):
    monkeypatch.setattr(refs, "_MANY", 0)
    a_run(repo, "r1")
    (repo.root / ".git" / "packed-refs.lock").touch()
    monkeypatch.setattr("agentflow.git.command._PREFIX", ("-c", "core.packedRefsTimeout=10"))
    asyncio.run(pack(repo.open()))
    assert len(all_refs(repo)) == 4
