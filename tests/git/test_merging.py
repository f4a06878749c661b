from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.commits import commit_all
from agentflow.git.merging import Conflicted, Merged, lay_out_conflict, squash_onto, unresolved
from agentflow.git.worktrees import add_worktree

TEN_LINES = "".join(f"line {n}\n" for n in range(10))


@pytest.fixture
def diverge(repo):
    """Commit two sides on one base, each a dict of files, and give their commits."""

    def make(ours, theirs, base=None):
        start = repo.commit_files(base or {})
        repo.git("switch", "--quiet", "--detach")
        head = repo.commit_files(ours)
        repo.git("switch", "--quiet", "--detach", start)
        commit = repo.commit_files(theirs)
        repo.git("switch", "--quiet", "main")
        return head, commit

    return make


def squash(repo, head, commit):
    return asyncio.run(squash_onto(repo.open(), head, commit, "Squashed", {"Agentflow-Run": "r1"}))


def files(repo, commit):
    return repo.git("ls-tree", "-r", "--name-only", commit).splitlines()


def test_a_clean_merge_is_one_commit_on_the_head_with_both_sides(repo, diverge):
    head, commit = diverge({"ours.py": "ours\n"}, {"theirs.py": "theirs\n"})
    before = repo.state()
    merged = squash(repo, head, commit)
    assert isinstance(merged, Merged)
    assert repo.git("rev-parse", f"{merged.commit}^@") == head
    assert files(repo, merged.commit) == ["app.py", "docs/guide.md", "ours.py", "theirs.py"]
    assert repo.git("log", "-1", "--format=%B", merged.commit) == "Squashed\n\nAgentflow-Run: r1"
    assert repo.state() == before


def test_many_commits_become_one(repo):
    head = repo.git("rev-parse", "HEAD")
    repo.git("switch", "--quiet", "--detach")
    repo.commit_files({"a": "a\n"})
    commit = repo.commit_files({"b": "b\n"})
    assert repo.git("rev-list", "--count", f"{head}..{squash(repo, head, commit).commit}") == "1"


def test_merging_again_gives_the_same_tree(repo, diverge):
    head, commit = diverge({"ours.py": "ours\n"}, {"theirs.py": "theirs\n"})
    first, again = squash(repo, head, commit), squash(repo, head, commit)
    assert repo.git("rev-parse", f"{first.commit}^{{tree}}") == repo.git("rev-parse", f"{again.commit}^{{tree}}")
    onto_itself = squash(repo, first.commit, commit)
    assert repo.git("diff", "--stat", first.commit, onto_itself.commit) == ""


def test_an_edit_follows_a_rename(repo, diverge):
    head, commit = diverge(
        {"old.txt": None, "new.txt": TEN_LINES},
        {"old.txt": TEN_LINES.replace("line 5", "line five")},
        base={"old.txt": TEN_LINES},
    )
    merged = squash(repo, head, commit)
    assert "line five" in repo.git("show", f"{merged.commit}:new.txt")
    assert "old.txt" not in files(repo, merged.commit)


def test_both_sides_deleting_a_file_is_no_conflict(repo, diverge):
    head, commit = diverge({"gone.txt": None}, {"gone.txt": None}, base={"gone.txt": "x\n"})
    assert "gone.txt" not in files(repo, squash(repo, head, commit).commit)


@pytest.mark.parametrize("name", ["app.py", "new\nline", "sp ace", "é"])
def test_two_edits_of_one_line_conflict_by_exact_name(repo, diverge, name):
    head, commit = diverge({name: "ours\n"}, {name: "theirs\n"}, base={name: "base\n"})
    assert squash(repo, head, commit) == Conflicted((name,))


def test_an_edit_against_a_deletion_conflicts(repo, diverge):
    head, commit = diverge({"docs/guide.md": None}, {"docs/guide.md": "edited\n"})
    assert squash(repo, head, commit) == Conflicted(("docs/guide.md",))


def test_several_conflicts_are_each_named_once(repo, diverge):
    head, commit = diverge({"app.py": "ours\n", "docs/guide.md": "ours\n"}, {"app.py": "a\n", "docs/guide.md": "b\n"})
    assert squash(repo, head, commit) == Conflicted(("app.py", "docs/guide.md"))


def test_a_commit_that_does_not_exist_is_an_error_and_no_conflict(repo):
    with pytest.raises(EnvironmentError_, match="could not merge"):
        squash(repo, repo.git("rev-parse", "HEAD"), "0" * 39 + "1")


def test_no_merge_program_of_a_hostile_repository_runs(repo, diverge, make_hostile, tripwire):
    base = "".join(f"{n}\n" for n in range(20))
    head, commit = diverge(
        {"app.py": base.replace("3\n", "three\n", 1)}, {"app.py": base.replace("17\n", "x\n")}, base={"app.py": base}
    )
    make_hostile(repo)
    merged = squash(repo, head, commit)
    assert isinstance(merged, Merged)
    assert repo.git("cat-file", "blob", f"{merged.commit}:app.py").splitlines()[17] == "x"
    assert not tripwire.exists()


@pytest.fixture
def conflict(repo, diverge, new_worktree):
    """A worktree with a conflicted merge laid out: worktree, head and the conflicted paths."""
    head, commit = diverge({"app.py": "ours\n", "a.txt": "a\n"}, {"app.py": "theirs\n", "b.txt": "b\n"})
    worktree = new_worktree()
    repository = repo.open()

    async def make():
        await add_worktree(repository, worktree, "HEAD")
        return await lay_out_conflict(repository, worktree, head, commit)

    return worktree, head, asyncio.run(make())


def test_a_conflict_is_laid_out_with_markers_and_everything_that_did_merge(conflict):
    worktree, _, paths = conflict
    assert paths == ("app.py",)
    text = (worktree / "app.py").read_text()
    assert text.startswith("<<<<<<< ")
    assert "ours\n=======\ntheirs\n>>>>>>> " in text
    assert (worktree / "a.txt").read_text() == "a\n"
    assert (worktree / "b.txt").read_text() == "b\n"


def test_what_still_holds_markers_is_unresolved(conflict):
    worktree, _, paths = conflict
    assert asyncio.run(unresolved(worktree, paths)) == paths
    (worktree / "app.py").write_text("=======\nA heading\n=======\n\nprint(x << 1 >> 2)\n")
    assert asyncio.run(unresolved(worktree, paths)) == ()


@pytest.mark.parametrize("left", ["<<<<<<< ours\n", "x\n>>>>>>> theirs\n", "x\r\n>>>>>>> theirs\r\n", "||||||| base\n"])
def test_half_a_conflict_is_unresolved(conflict, left):
    worktree, _, paths = conflict
    (worktree / "app.py").write_bytes(left.encode())
    assert asyncio.run(unresolved(worktree, paths)) == paths


def test_a_deleted_file_is_resolved_and_a_symlink_is_not_followed(conflict, tmp_path):
    worktree, _, paths = conflict
    (worktree / "app.py").unlink()
    assert asyncio.run(unresolved(worktree, paths)) == ()
    (tmp_path / "outside").write_text("<<<<<<< x\n")
    (worktree / "app.py").symlink_to(tmp_path / "outside")
    assert asyncio.run(unresolved(worktree, paths)) == ()


def test_a_resolution_is_committed_as_one_commit_on_the_head(repo, conflict):
    worktree, head, _ = conflict
    (worktree / "app.py").write_text("both\n")
    made = asyncio.run(commit_all(repo.open(), worktree, "Resolve"))
    assert repo.git("rev-parse", f"{made}^@") == head
    assert files(repo, made) == ["a.txt", "app.py", "b.txt", "docs/guide.md"]
    assert repo.git("show", f"{made}:app.py") == "both"


def test_a_conflict_can_be_laid_out_again_over_a_failed_resolution(repo, conflict, diverge):
    worktree, head, _ = conflict
    (worktree / "app.py").write_text("wrong\n")
    commit_all_made = asyncio.run(commit_all(repo.open(), worktree, "Wrong"))
    other = repo.commit_files({"app.py": "other\n"})
    assert commit_all_made
    assert asyncio.run(lay_out_conflict(repo.open(), worktree, head, other)) == ("app.py",)
    assert "other\n" in (worktree / "app.py").read_text()
    assert not (worktree / "b.txt").exists()


def test_a_conflict_beside_a_submodule_is_laid_out_and_resolved(with_submodule, new_worktree):
    start = with_submodule.git("rev-parse", "HEAD")
    head = with_submodule.commit_files({"app.py": "ours\n"})
    with_submodule.git("switch", "--quiet", "--detach", start)
    commit = with_submodule.commit_files({"app.py": "theirs\n"})
    repository, worktree = with_submodule.open(), new_worktree()

    async def resolve() -> str | None:
        await add_worktree(repository, worktree, head)
        assert await lay_out_conflict(repository, worktree, head, commit) == ("app.py",)
        (worktree / "app.py").write_text("both\n")
        return await commit_all(repository, worktree, "Resolve")

    made = asyncio.run(resolve())
    assert (worktree / "vendor" / "lib" / "lib.py").read_text() == "library\n"
    assert with_submodule.git("diff", "--name-only", head, made) == "app.py"
