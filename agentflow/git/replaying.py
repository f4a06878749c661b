"""Putting commits onto another, in the object store alone: each keeps its author and message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.git.command import git
from agentflow.git.commits import hold, tree_of
from agentflow.git.holding import until_held
from agentflow.git.merging import merge_trees
from agentflow.git.repository import Repository, author, config_of


@dataclass(frozen=True, slots=True)
class Replayed:
    """The new head, and what each commit became; what `onto` held already became the head it met."""

    head: str
    moved: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stuck:
    """The commit that conflicts with what it was to be put on, and in which paths."""

    commit: str
    paths: tuple[str, ...]


@until_held
async def replay(repository: Repository, commits: Sequence[str], onto: str, *, ref: str = "") -> Replayed | Stuck:
    """Put each commit's own change onto the one before, the first onto `onto`. `ref`, a run's own, holds the last.

    Of a merge it is the change to its first parent. Repeated, it makes the same commits.
    """
    head, moved = onto, dict[str, str]()
    for commit in commits:
        merged = await merge_trees(repository, head, commit, base=f"{commit}^")
        if merged.conflicts:
            return Stuck(commit, merged.conflicts)
        if merged.tree != await tree_of(repository, head):
            made = await _commit_like(repository, commit, merged.tree, head)
            if ref:
                await hold(repository, made, merged.tree, head, ref)
            head = made
        moved[commit] = head
    return Replayed(head, moved)


async def commits_between(repository: Repository, since: str, until: str) -> tuple[str, ...]:
    """The commits that lead from `since` to `until`, along first parents, oldest first."""
    asked = ("rev-list", "--first-parent", "--reverse", until, f"^{since}")
    return tuple((await git(repository.root, *asked)).stdout.split())


async def _commit_like(repository: Repository, commit: str, tree: str, parent: str) -> str:
    asked = ("log", "-1", "-z", "--date=raw", "--format=%an%x00%ae%x00%ad%x00%cd%x00%B", commit)
    name, email, date, made, message = (await git(repository.root, *asked)).stdout.removesuffix("\0").split("\0", 4)
    by = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": made}
    env = {**author(await config_of(repository)), **{key: value for key, value in by.items() if value}}
    given = message.encode("utf-8", "surrogateescape")
    return (await git(repository.root, "commit-tree", tree, "-p", parent, env=env, stdin=given)).line
