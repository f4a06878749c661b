from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.store.ledger import open_ledger
from agentflow.store.records import RunRecord

AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@pytest.fixture
def repository(world) -> Path:
    return world.repository({"tea.txt": "cold\n", "README.md": "Tea.\n"})


@pytest.fixture
def run(world, repository):
    """A finished run whose branch warms the tea."""
    base = world.git(repository, "rev-parse", "HEAD")
    world.git(repository, "switch", "-q", "-c", "agentflow/warm")
    head = commit(world, repository, "tea.txt", "warm\n")
    world.git(repository, "switch", "-q", "main")
    record = RunRecord(
        id="warm",
        repo_root=repository,
        common_dir=repository / ".git",
        goal="Warm the tea",
        status=RunStatus.SUCCEEDED,
        base=base,
        branch="agentflow/warm",
        head=head,
        created_at=1000.0,
    )
    with open_ledger(world.folder / "state" / "ledger.db") as ledger:
        ledger.create_run(record)
        yield record


def commit(world, root: Path, name: str, content: str) -> str:
    (root / name).write_text(content)
    world.git(root, "add", name)
    world.git(root, *AS_ADA, "commit", "-qm", f"Change {name}")
    return world.git(root, "rev-parse", "HEAD")


def state(world, root: Path) -> tuple[str, ...]:
    return (world.git(root, "rev-parse", "HEAD"), world.git(root, "status", "--porcelain"), world.git(root, "diff"))


def test_diff_prints_the_runs_whole_change_on_stdout(world, repository, run):
    ended = world.agentflow(repository, "diff")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("diff --git a/tea.txt b/tea.txt\n")
    assert "-cold\n+warm\n" in ended.out
    assert world.agentflow(repository, "diff", "wa").out == ended.out


def test_apply_fast_forwards_and_a_second_time_changes_nothing(world, repository, run):
    ended = world.agentflow(repository, "apply")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"main is now at {run.head[:12]}\n"
    assert state(world, repository) == (run.head, "", "")
    assert (repository / "tea.txt").read_text() == "warm\n"
    assert world.agentflow(repository, "apply").code == 0
    assert state(world, repository) == (run.head, "", "")


def test_apply_merges_where_the_branch_has_moved_on(world, repository, run):
    mine = commit(world, repository, "README.md", "Tea and cake.\n")
    assert world.agentflow(repository, "apply").code == 0
    assert world.git(repository, "log", "-1", "--format=%P") == f"{mine} {run.head}"
    assert world.git(repository, "log", "-1", "--format=%s") == "Merge branch 'agentflow/warm' into main"
    assert (repository / "tea.txt").read_text() == "warm\n"
    assert (repository / "README.md").read_text() == "Tea and cake.\n"


def test_apply_leaves_other_uncommitted_work_as_it_is(world, repository, run):
    (repository / "README.md").write_text("Half a thought.\n")
    (repository / "staged.txt").write_text("staged\n")
    world.git(repository, "add", "staged.txt")
    before = state(world, repository)
    assert world.agentflow(repository, "apply").code == 0
    assert state(world, repository) == (run.head, *before[1:])


def test_apply_refuses_to_overwrite_uncommitted_work(world, repository, run):
    (repository / "tea.txt").write_text("iced\n")
    before = state(world, repository)
    ended = world.agentflow(repository, "apply")
    assert ended.code == 4
    assert "would be overwritten: tea.txt\n\nhint: commit or stash it, then again" in ended.err
    assert state(world, repository) == before
    assert (repository / "tea.txt").read_text() == "iced\n"


def test_a_conflict_is_left_to_the_user_with_nothing_changed(world, repository, run):
    commit(world, repository, "tea.txt", "iced\n")
    before = state(world, repository)
    ended = world.agentflow(repository, "apply")
    assert ended.code == 7
    assert "agentflow/warm conflicts with main in tea.txt; nothing was changed" in ended.err
    assert ended.err.endswith("hint: to merge by hand: git merge agentflow/warm\n")
    assert state(world, repository) == before


def test_a_detached_head_has_no_branch_to_apply_to(world, repository, run):
    world.git(repository, "checkout", "-q", "--detach")
    ended = world.agentflow(repository, "apply")
    assert ended.code == 4
    assert ended.err.endswith("hint: git switch BRANCH, then again\n")
    assert world.git(repository, "rev-parse", "HEAD") == run.base


def test_apply_goes_to_the_branch_of_a_linked_worktree_when_run_there(world, repository, run):
    world.git(repository, "worktree", "add", "-q", "-b", "linked", "../linked")
    assert world.agentflow(repository.parent / "linked", "apply", "warm").code == 0
    assert world.git(repository, "rev-parse", "linked") == run.head
    assert world.git(repository, "rev-parse", "main") == run.base


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_there_must_be_something_on_the_branch(world, repository, run, command):
    with open_ledger(world.folder / "state" / "ledger.db") as ledger:
        ledger.create_run(replace(run, id="empty", head=None, created_at=2000.0))
    ended = world.agentflow(repository, command)
    assert ended.code == 2
    assert ended.err.endswith("hint: see why: agentflow runs show empty\n")


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_another_repositorys_run_is_refused(world, run, command):
    other = world.repository({"a.txt": "a\n"}, name="other")
    ended = world.agentflow(other, command, "warm")
    assert ended.code == 2
    assert f"run warm belongs to {run.repo_root}" in ended.err
    assert world.agentflow(other, command).err.startswith("error: this repository has no run\n")


@pytest.mark.parametrize("command", ["diff", "apply"])
def test_a_review_has_no_branch(world, repository, run, command):
    with open_ledger(world.folder / "state" / "ledger.db") as ledger:
        ledger.create_run(replace(run, id="review", workflow="review", branch="", head=None, created_at=2000.0))
    ended = world.agentflow(repository, command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: run review is a review: it has no branch\n\nhint: see what it found: agentflow runs show review\n"
    )
