"""The merge queue's git: a subtask's work becomes exactly one commit on the run's head, without a working tree."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.git.command import failure, git
from agentflow.git.commits import commit_tree, held_commit
from agentflow.git.holding import until_held
from agentflow.git.linked import entry_of, git_in, record_head
from agentflow.git.repository import Repository

#: What git writes at the start of a line around the two sides of a conflict.
_MARKER = re.compile(rb"^(<{7,}|>{7,}|\|{7,})( |\r?$)", re.MULTILINE)
_NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "agentflow"), ("EMAIL", "agentflow@localhost"))
}


@dataclass(frozen=True, slots=True)
class Merged:
    """The new head."""

    commit: str


@dataclass(frozen=True, slots=True)
class Conflicted:
    """The paths git could not merge, in its order."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedTree:
    """What merging two commits gives: a tree, which holds conflict markers where `conflicts` says so."""

    tree: str
    conflicts: tuple[str, ...]


async def merge_trees(repository: Repository, ours: str, theirs: str, *, base: str | None = None) -> MergedTree:
    """Merge two commits in the object store alone. Raises EnvironmentError_ when git cannot merge them at all.

    `base`, which has to be an ancestor of `theirs`, is what both changed; without it git looks for that itself.
    """
    if base is not None:
        ours = await _as_if_from(repository, ours, base)
    answer = await git(repository.root, "merge-tree", "--write-tree", "-z", ours, theirs, check=False)
    if answer.returncode not in {0, 1} or not answer.stdout:
        raise failure(f"git could not merge {theirs[:7]} into {ours[:7]}", answer)
    tree, *rest = answer.fields
    listed = rest[: rest.index("")] if "" in rest else rest
    paths = dict.fromkeys(entry.partition("\t")[2] for entry in listed)
    return MergedTree(tree, tuple(paths) if answer.returncode else ())


async def _as_if_from(repository: Repository, commit: str, base: str) -> str:
    """A commit of the same tree whose parent is `base`: before git 2.40 a merge cannot be told its base."""
    made = ("commit-tree", f"{commit}^{{tree}}", "-p", base, "-m", "scratch")
    return (await git(repository.root, *made, env=_NOBODY)).line


@until_held
async def squash_onto(
    repository: Repository,
    head: str,
    commit: str,
    message: str,
    trailers: Mapping[str, str],
    base: str | None = None,
    *,
    ref: str = "",
) -> Merged | Conflicted:
    """Merge `commit` into `head` as one commit whose only parent is `head`. `ref`, the run's own, holds it.

    `base` as in `merge_trees`.
    """
    merged = await merge_trees(repository, head, commit, base=base)
    if merged.conflicts:
        return Conflicted(merged.conflicts)
    if not ref:
        return Merged(await commit_tree(repository, merged.tree, head, message, trailers))
    return Merged(await held_commit(repository, merged.tree, head, message, trailers, ref=ref))


@until_held
async def lay_out_conflict(
    repository: Repository, worktree: Path, head: str, commit: str, base: str | None = None
) -> tuple[str, ...]:
    """Put the worktree at `head` with the merge of `commit` in its files, conflict markers included.

    Gives the conflicted paths. `commit_all` then makes the resolution one commit on `head`. `base` as in `merge_trees`.
    """
    merged = await merge_trees(repository, head, commit, base=base)
    await git_in(repository, worktree, "update-ref", "--no-deref", "HEAD", head)
    record_head(entry_of(repository, worktree), head)
    await git_in(repository, worktree, "read-tree", "--reset", "-u", merged.tree)
    return merged.conflicts


async def unresolved(worktree: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the paths whose files still hold conflict markers; a deleted file is resolved."""
    return await asyncio.to_thread(lambda: tuple(path for path in paths if _holds_markers(worktree / path)))


def _holds_markers(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and _MARKER.search(path.read_bytes()) is not None
