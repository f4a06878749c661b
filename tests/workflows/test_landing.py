"""The branch moves once, from where the run left it, however often the step is repeated."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.repository import open_repository
from agentflow.workflows.merging import land


@pytest.fixture
def branch(world):
    """A run's branch-to-be: the base and three commits after it, and what the step needs of the context."""
    root = world.repository({"a.txt": "a\n"})
    commits = [world.git(root, "rev-parse", "HEAD")]
    for n in range(3):
        world.git(root, "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", str(n))
        commits.append(world.git(root, "rev-parse", "HEAD"))
    repository = asyncio.run(open_repository(root))
    tip = lambda: world.git(root, "for-each-ref", "--format=%(objectname)", "refs/heads/agentflow")  # noqa: E731
    context = SimpleNamespace(repository=repository, branch="agentflow/run")
    move = lambda commit: world.git(root, "update-ref", "refs/heads/agentflow/run", commit)  # noqa: E731
    return SimpleNamespace(context=context, commits=commits, tip=tip, move=move)


def test_the_first_train_makes_the_branch_and_several_commits_land_at_once(branch):
    base, _, second, third = branch.commits
    for _ in range(2):
        asyncio.run(land(branch.context, base, second))
        assert branch.tip() == second
    for _ in range(2):
        asyncio.run(land(branch.context, second, third))
        assert branch.tip() == third


def test_a_branch_that_somebody_moved_is_left_alone_and_named(branch):
    base, first, second, third = branch.commits
    asyncio.run(land(branch.context, base, first))
    branch.move(third)
    with pytest.raises(EnvironmentError_, match="moved by somebody else") as moved:
        asyncio.run(land(branch.context, first, second))
    assert branch.tip() == third
    assert first in moved.value.hint
