"""A run's commits outlive whatever is collected beside it."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from pathlib import Path

import pytest

from agentflow.git import commits
from agentflow.git.command import ObjectGone
from agentflow.git.commits import commit_wanted, held_commit
from agentflow.git.holding import new_objects, no_collection
from agentflow.git.merging import Merged, squash_onto
from agentflow.git.refs import hold_base, scratch_refs
from agentflow.git.trees import graft, with_file
from agentflow.git.wanted import Wanted
from agentflow.git.worktrees import add_worktree

REF = f"{scratch_refs('r1')}a/1"


def collect(repo) -> None:
    """As a person does who wants space back at once."""
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")


def is_there(repo, commit: str) -> bool:
    return repo.git("rev-list", "--objects", "--quiet", commit, check=False) == "" and bool(
        repo.git("cat-file", "-t", commit, check=False)
    )


def unheld(repo) -> tuple[str, str, str]:
    """A commit that no ref holds, with a blob and trees of its own; its tree and its parent."""
    before = repo.git("rev-parse", "HEAD")
    commit = repo.commit_files({"docs/deep/new.txt": "new\n", "app.py": "other\n"})
    repo.git("reset", "--quiet", "--hard", before)
    repo.git("reflog", "expire", "--expire=now", "--all")
    return commit, repo.git("rev-parse", f"{commit}^{{tree}}"), before


@pytest.mark.parametrize("part", ["", "^{tree}", ":docs/deep", ":docs/deep/new.txt", ":app.py"])
def test_a_part_that_is_gone_already_is_noticed(repo, part):
    commit, tree, before = unheld(repo)
    oid = repo.git("rev-parse", f"{commit}{part}")
    (repo.root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(ObjectGone):
        asyncio.run(new_objects(repo.open(), commit, tree, before))


def test_what_lies_in_a_pack_is_there_as_well(repo):
    commit, tree, before = unheld(repo)
    repo.git("update-ref", REF, commit)
    repo.git("repack", "-adq")
    assert len(asyncio.run(new_objects(repo.open(), commit, tree, before))) == 6


async def _committed(repository, worktree: Path) -> str | None:
    (worktree / "app.py").write_text("by an agent\n")
    return (await commit_wanted(repository, worktree, "Work", Wanted(), ref=REF)).commit


async def _grafted(repository, _: Path) -> str:
    return await graft(repository, repository.head, "other", {"app.py"}, REF)


async def _with_file(repository, _: Path) -> str:
    return await with_file(repository, repository.head, "app.py", b"mutant\n", REF)


async def _squashed(repository, _: Path) -> str:
    merged = await squash_onto(repository, repository.head, "other", "Squashed", {}, ref=REF)
    assert isinstance(merged, Merged)
    return merged.commit


@pytest.mark.parametrize("made_by", [_committed, _grafted, _with_file, _squashed])
@pytest.mark.parametrize("part", ["", "^{tree}", ":app.py"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_is_made_until_held_where_a_collection_took_a_part_before_or_after_a_ref_held_it(
    repo, new_worktree, monkeypatch, made_by, part, when
):
    first = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "other")
    repo.commit_files({"app.py": "other\n"})
    repo.git("checkout", "--quiet", "-")
    repo.commit_files({"docs/more.md": "more\n"})
    held = set(repo.git("rev-list", "--objects", "--all").split())
    repository, worktree, looks = repo.open(), new_worktree(), list[int]()
    asyncio.run(add_worktree(repository, worktree, first))
    whole = commits.new_objects

    async def beaten(given, commit, tree, since):
        gone = repo.git("rev-parse", f"{commit}{part}")
        looks.append(len(looks))
        if looks == [0] and when == "before" and gone not in held:
            (repo.root / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
        new = await whole(given, commit, tree, since)
        if looks == [0] and when == "after" and gone not in held:
            (repo.root / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
        return new

    monkeypatch.setattr(commits, "new_objects", beaten)
    commit = asyncio.run(made_by(repository, worktree))
    assert repo.git("rev-parse", REF) == commit
    collect(repo)
    assert repo.git("fsck", "--strict", "--no-dangling") == ""
    assert repo.git("show", f"{commit}:app.py") != "one\ntwo\nthree"


def test_nothing_is_made_while_somebody_collects(repo):
    """A process that is gone, on this machine, collects nothing any more."""
    lock, host, repository = repo.root / ".git" / "gc.pid", socket.gethostname(), repo.open()
    with subprocess.Popen(["sleep", "60"]) as process:
        lock.write_text(f"{process.pid} {host}")

        async def story() -> bool:
            waiting = asyncio.create_task(no_collection(repository))
            await asyncio.sleep(0.2)
            waited = not waiting.done()
            process.kill()
            process.wait()
            await waiting
            return waited

        assert asyncio.run(story())
    lock.write_text("nonsense")
    asyncio.run(no_collection(repository))


def test_a_commit_and_its_base_stay_whatever_becomes_of_the_branch_and_are_collected_when_the_ref_goes(repo):
    base = repo.git("rev-parse", "HEAD")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    asyncio.run(hold_base(repo.open(), "r1", base))
    commit = asyncio.run(held_commit(repo.open(), tree, base, "Work", ref=REF))
    repo.git("commit", "--quiet", "--amend", "-m", "thought over")
    collect(repo)
    assert is_there(repo, commit)
    assert is_there(repo, base)

    repo.git("update-ref", "-d", REF)
    collect(repo)
    assert not is_there(repo, commit)
