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


@pytest.mark.security("L14")
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


def own_commit(world, root: Path, name: str, content: str, subtask: str) -> str:
    """A commit as a run makes it."""
    (root / name).write_text(content)
    world.git(root, "add", name)
    trailers = f"Agentflow-Run: warm\nAgentflow-Subtask: {subtask}\nAgentflow-Attempt: 1"
    world.git(root, *AS_ADA, "commit", "-qm", f"Make {name}\n\n{trailers}")
    return world.git(root, "rev-parse", "HEAD")


@pytest.fixture
def store(world, repository, run):
    """Writes the run anew: of two subtasks, from the commit at hand, begun on the branch at hand."""

    def write(**changes) -> RunRecord:
        begun_on = world.git(repository, "symbolic-ref", "--short", "HEAD")
        base = world.git(repository, "rev-parse", "HEAD")
        world.git(repository, "switch", "-q", "-C", "agentflow/warm")
        own_commit(world, repository, "cup.txt", "cup\n", "cup")
        head = own_commit(world, repository, "pot.txt", "pot\n", "pot")
        world.git(repository, "switch", "-q", begun_on)
        record = replace(run, base=base, head=head, spec={"begun_on": begun_on}, **changes)
        with open_ledger(world.folder / "state" / "ledger.db") as ledger:
            ledger.delete_run(run.id)
            ledger.create_run(record)
        return record

    return write


def refused(world, root: Path, *args: str) -> str:
    """What the command says that refuses, with nothing changed."""
    before = (state(world, root), world.git(root, "for-each-ref"))
    ended = world.agentflow(root, "apply", *args)
    assert (ended.code, ended.out) == (4, "")
    assert (state(world, root), world.git(root, "for-each-ref")) == before
    return ended.err


@pytest.fixture
def unfinished_feature(world, repository):
    """A branch of the user's with a commit that main does not have; it is checked out."""
    world.git(repository, "switch", "-q", "-c", "feature")
    commit(world, repository, "half.txt", "half\n")


def test_apply_on_another_branch_asks_and_then_takes_the_runs_own_commits_alone(
    world, repository, store, unfinished_feature
):
    store()
    world.git(repository, "switch", "-q", "main")
    said = refused(world, repository)
    assert "run warm began on feature, and main is checked out" in said
    assert said.endswith("hint: to apply it all the same: agentflow apply warm --onto main\n")
    for _ in range(2):
        assert world.agentflow(repository, "apply", "--onto", "main").code == 0
        assert world.git(repository, "ls-files").split() == ["README.md", "cup.txt", "pot.txt", "tea.txt"]
        assert len(world.git(repository, "rev-list", "main").split()) == 3
    assert "Agentflow-Subtask: pot" in world.git(repository, "log", "-1", "--format=%B")


def test_apply_onto_a_branch_that_is_not_checked_out_touches_no_file(world, repository, store, unfinished_feature):
    store()
    before = state(world, repository)
    assert world.agentflow(repository, "apply", "--onto", "main").code == 0
    assert state(world, repository) == before
    names = world.git(repository, "ls-tree", "--name-only", "main").split()
    assert names == ["README.md", "cup.txt", "pot.txt", "tea.txt"]
    world.git(repository, "worktree", "add", "-q", "../main", "main")
    assert "is checked out in" in refused(world, repository, "--onto", "main")
    assert "there is no branch nowhere" in refused(world, repository, "--onto", "nowhere")


def test_apply_after_the_users_branch_was_rewritten_does_not_bring_its_old_commit_back(
    world, repository, store, unfinished_feature
):
    store()
    (repository / "half.txt").write_text("whole\n")
    world.git(repository, *AS_ADA, "commit", "-qa", "--amend", "-m", "Whole")
    assert world.agentflow(repository, "apply").code == 0
    assert world.git(repository, "show", "HEAD:half.txt") == "whole"
    assert world.git(repository, "log", "--format=%s", "main..").splitlines() == [
        "Make pot.txt",
        "Make cup.txt",
        "Whole",
    ]


@pytest.mark.parametrize("mend", ["commit on top", "amend", "rebase", "squash"])
def test_what_the_user_mended_on_the_branch_is_taken_along_with_a_word(world, repository, store, mend):
    store()
    world.git(repository, "switch", "-q", "agentflow/warm")
    (repository / "pot.txt").write_text("mended\n")
    if mend == "commit on top":
        world.git(repository, *AS_ADA, "commit", "-qam", "Mend the pot")
    elif mend == "squash":
        world.git(repository, "reset", "-q", "--soft", "main")
        world.git(repository, "add", ".")
        world.git(repository, *AS_ADA, "commit", "-qm", "All of it", "-m", "Agentflow-Run: warm\nAgentflow-Subtask: cup\n"
                  "Agentflow-Attempt: 1\nAgentflow-Subtask: pot\nAgentflow-Attempt: 1")  # fmt: skip
    else:
        world.git(repository, *AS_ADA, "commit", "-qa", "--amend", "--no-edit")
    if mend == "rebase":
        world.git(repository, "switch", "-q", "main")
        commit(world, repository, "README.md", "Tea and cake.\n")
        world.git(repository, *AS_ADA, "rebase", "-q", "main", "agentflow/warm")
    world.git(repository, "switch", "-q", "main")
    ended = world.agentflow(repository, "apply")
    assert ended.code == 0, ended.err
    assert "on agentflow/warm since the run left it, and taken along:" in ended.err
    assert (repository / "pot.txt").read_text() == "mended\n"
    assert (repository / "cup.txt").exists()


def test_a_branch_from_which_landed_work_is_gone_is_asked_about(world, repository, store):
    record = store()
    world.git(repository, "branch", "-q", "-f", "agentflow/warm", f"{record.head}~1")
    said = refused(world, repository)
    assert "the work of pot is gone" in said
    assert "agentflow apply warm --yes" in said
    assert world.agentflow(repository, "apply", "--yes").code == 0
    assert world.git(repository, "ls-files").split() == ["README.md", "cup.txt", "tea.txt"]


def test_a_branch_that_is_gone_gives_what_the_ledger_remembers_with_a_word(world, repository, store):
    record = store()
    world.git(repository, "branch", "-q", "-D", "agentflow/warm")
    ended = world.agentflow(repository, "apply")
    assert (ended.code, world.git(repository, "rev-parse", "main")) == (0, record.head)
    assert "branch agentflow/warm is gone; this is what the run left" in ended.err


def test_what_could_not_follow_onto_a_checked_out_branch_is_taken_from_where_it_is_kept(world, repository, store):
    record = store()
    world.git(repository, "update-ref", "refs/agentflow/warm/_tip", record.head)
    world.git(repository, "branch", "-q", "-f", "agentflow/warm", f"{record.head}~1")
    world.git(repository, "worktree", "add", "-q", "../theirs", "agentflow/warm")
    ended = world.agentflow(repository, "apply")
    assert (ended.code, world.git(repository, "rev-parse", "main")) == (0, record.head)
    assert "this is what the run has under refs/agentflow/warm/_tip" in ended.err


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (RunStatus.STOPPED, "is stopped and can be resumed"),
        (RunStatus.INTERRUPTED, "is interrupted and can be resumed"),
        (RunStatus.RUNNING, "is interrupted and can be resumed"),
    ],
)
def test_a_run_that_is_not_over_is_asked_about(world, repository, store, status, told):
    record = store(status=status)
    assert f"run warm {told}: 0 of 0 are on its branch" in refused(world, repository)
    assert world.agentflow(repository, "apply", "-y").code == 0
    assert world.git(repository, "rev-parse", "main") == record.head
