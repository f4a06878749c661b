"""The run's own head moves when a proven commit lands; its branch follows where nobody else has a hand on it."""

from __future__ import annotations

import asyncio
import shutil
from types import SimpleNamespace

import pytest

from agentflow.git.repository import open_repository
from agentflow.git.run_refs import tip_ref
from agentflow.store.ledger import open_ledger
from agentflow.workflows.branch import close, land

AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@pytest.fixture
def run(world):
    """A run's branch-to-be: the base and three commits after it, and what the steps need of the context."""
    root = world.repository({"a.txt": "a\n"})
    commits = [world.git(root, "rev-parse", "HEAD")]
    for n in range(3):
        world.git(root, *AS_ADA, "commit", "-q", "--allow-empty", "-m", str(n))
        commits.append(world.git(root, "rev-parse", "HEAD"))
    said = []
    with open_ledger(world.folder / "ledger.db") as ledger:
        about = {"run_id": "run", "branch": "agentflow/run", "base": commits[0], "ledger": ledger}
        emit = lambda _, message: said.append(message)  # noqa: E731
        context = SimpleNamespace(repository=asyncio.run(open_repository(root)), emit=emit, **about)
        at = lambda ref: world.git(root, "for-each-ref", "--format=%(objectname)", ref)  # noqa: E731
        git = lambda *words: world.git(root, *words)  # noqa: E731
        land_ = lambda commit: asyncio.run(land(context, commit))  # noqa: E731
        close_ = lambda commit: asyncio.run(close(context, commit))  # noqa: E731
        branch = lambda: at("refs/heads/agentflow/run")  # noqa: E731
        tip = lambda: at(tip_ref("run"))  # noqa: E731
        yield SimpleNamespace(commits=commits, branch=branch, tip=tip, land=land_, close=close_, git=git, said=said)


def test_the_first_train_makes_the_branch_and_several_commits_land_at_once(run):
    _, _, second, third = run.commits
    for commit in (second, second, third, third):
        assert run.land(commit)
        assert run.branch() == run.tip() == commit
    assert run.close(third) is None
    assert (run.branch(), run.tip(), run.said) == (third, "", [])


def test_a_branch_that_somebody_has_checked_out_waits_and_that_is_said_once(run):
    _, first, second, third = run.commits
    run.land(first)
    run.git("worktree", "add", "-q", "../elsewhere", "agentflow/run")
    assert not run.land(second)
    assert not run.land(third)
    assert (run.branch(), run.tip()) == (first, third)
    (said,) = run.said
    assert "is checked out in" in said
    assert tip_ref("run") in said
    assert run.close(third) == tip_ref("run")
    run.git("-C", "../elsewhere", "checkout", "-q", "--detach")
    assert run.land(third)
    assert run.branch() == third


@pytest.mark.parametrize("busy", ["rebase", "bisect"])
def test_a_branch_in_the_middle_of_a_rebase_or_a_bisection_is_not_free(run, busy):
    _, first, second, _ = run.commits
    run.land(first)
    run.git("worktree", "add", "-q", "../elsewhere", "agentflow/run")
    if busy == "rebase":
        run.git("-C", "../elsewhere", *AS_ADA, "-c", "sequence.editor=echo break >", "rebase", "-q", "-i", "HEAD~1")
    else:
        run.git("-C", "../elsewhere", "bisect", "start", "-q", "HEAD", "HEAD~1")
        run.git("-C", "../elsewhere", "checkout", "-q", "--detach")
    assert not run.land(second)
    assert run.branch() == first


def test_a_branch_whose_checkout_was_deleted_is_free(run, world):
    _, first, second, _ = run.commits
    run.land(first)
    run.git("worktree", "add", "-q", "../elsewhere", "agentflow/run")
    shutil.rmtree(world.folder / "elsewhere")
    assert run.land(second)


def test_a_worktree_that_another_process_is_just_making_is_nobodys_hand_on_the_branch(run, world):
    _, first, second, _ = run.commits
    run.land(first)
    half = world.folder / "repo" / ".git" / "worktrees" / "half"
    half.mkdir(parents=True)
    (half / "gitdir").write_text("")
    (half / "commondir").write_text("")
    assert run.land(second)
    assert run.branch() == second
    shutil.rmtree(half)


@pytest.mark.parametrize("act", ["update-ref -d", "put back"])
def test_a_branch_that_was_put_back_or_deleted_is_at_the_runs_work_again_with_a_word(run, act):
    base, first, second, _ = run.commits
    run.land(first)
    run.git(
        "update-ref", *(["-d", "refs/heads/agentflow/run"] if act != "put back" else ["refs/heads/agentflow/run", base])
    )
    assert run.land(second)
    assert run.branch() == second
    assert len(run.said) == 1


def test_a_branch_that_somebody_moved_elsewhere_is_left_alone(run):
    base, first, second, _ = run.commits
    run.land(first)
    other = run.git(*AS_ADA, "commit-tree", f"{base}^{{tree}}", "-p", base, "-m", "theirs")
    run.git("update-ref", "refs/heads/agentflow/run", other)
    assert not run.land(second)
    assert (run.branch(), run.tip()) == (other, second)
