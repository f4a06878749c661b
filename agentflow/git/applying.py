"""`agentflow apply`: the one act that changes the user's checkout, all of it or nothing."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from agentflow.domain.evidence import Change
from agentflow.errors import EnvironmentError_, MergeConflict
from agentflow.git.command import complaint, git
from agentflow.git.commits import changes, commit_tree, is_ancestor, list_files
from agentflow.git.merging import merge_trees
from agentflow.git.preflight import refuse_filters, unfinished
from agentflow.git.process import GitOutput
from agentflow.git.replaying import Replayed, commits_between, replay
from agentflow.git.repository import Repository, git_dir, open_repository
from agentflow.git.run_refs import look_at, move_branch


async def apply_commits(repository: Repository, head: str, *, branch_name: str, base: str | None = None) -> str:
    """Bring `head` into the branch checked out now, by fast-forward or a merge commit; gives the branch's new commit.

    Where the branch does not have `base`, which the run began at, only what was made since is put onto it, commit by
    commit. Uncommitted work that the merge does not touch stays as it is. Raises, with nothing changed,
    EnvironmentError_ where the checkout is not ready and MergeConflict where the two sides need a person, who knows
    `head` as `branch_name`.
    """
    checkout = await open_repository(repository.root)
    await _require_ready(checkout)
    target = await _target(checkout, head, branch_name, base)
    if target == checkout.head:
        return target
    await _require_no_overlap(checkout, target)
    moved = await git(
        checkout.root, "merge", "--ff-only", "--no-overwrite-ignore", "--no-stat", "--quiet", target, check=False
    )
    if not moved.ok:
        raise EnvironmentError_(
            f"git refused to apply {branch_name}: {complaint(moved)}", hint=_after(moved, branch_name)
        )
    return target


async def apply_onto(
    repository: Repository, branch: str, head: str, *, branch_name: str, base: str | None = None
) -> str:
    """The same for a branch that is checked out nowhere. Raises EnvironmentError_ where it is, or is not there."""
    seen = await look_at(repository, branch)
    if seen.tip is None:
        raise EnvironmentError_(f"there is no branch {branch}", hint=f"make it: git branch {branch}")
    if seen.holder is not None:
        raise EnvironmentError_(f"branch {branch} is checked out in {seen.holder}", hint="apply it there")
    target = await _target(replace(repository, branch=branch, head=seen.tip), head, branch_name, base)
    if target != seen.tip and not await move_branch(repository, branch, target, seen.tip):
        raise EnvironmentError_(f"branch {branch} moved meanwhile; nothing was changed", hint="try again")
    return target


async def _require_ready(checkout: Repository) -> None:
    await refuse_filters(checkout)
    if begun := await unfinished(checkout):
        raise EnvironmentError_(
            f"a {begun} is in progress in {checkout.root}",
            hint="finish or abort it (git status says how), then again",
        )
    if checkout.branch is None:
        raise EnvironmentError_(
            f"HEAD of {checkout.root} is detached: there is no branch to apply to", hint="git switch BRANCH, then again"
        )
    lock = await git_dir(checkout) / "index.lock"
    if lock.exists():
        raise EnvironmentError_(
            f"{lock} exists: another git process is at work in this checkout",
            hint="wait for it; if none is running, delete the file",
        )


async def _target(checkout: Repository, head: str, branch_name: str, base: str | None) -> str:
    """The commit the branch will be at: its own, `head`, or one made without touching any file."""
    if await is_ancestor(checkout, head, checkout.head):
        return checkout.head
    if await is_ancestor(checkout, checkout.head, head) and (base is None or await _has(checkout, base)):
        return head
    if base is not None and not await _has(checkout, base):
        replayed = await replay(checkout, await commits_between(checkout, base, head), checkout.head)
        if isinstance(replayed, Replayed):
            return replayed.head
        raise MergeConflict(
            f"{branch_name} conflicts with {checkout.branch} in {', '.join(replayed.paths)}; nothing was changed",
            hint=f"to put it there by hand: git cherry-pick {base[:12]}..{head[:12]}",
        )
    merged = await merge_trees(checkout, checkout.head, head)
    if merged.conflicts:
        raise MergeConflict(
            f"{branch_name} conflicts with {checkout.branch} in {', '.join(merged.conflicts)}; nothing was changed",
            hint=_by_hand(branch_name),
        )
    message = f"Merge branch '{branch_name}' into {checkout.branch}"
    return await commit_tree(checkout, merged.tree, checkout.head, message, {}, head)


async def _has(checkout: Repository, base: str) -> bool:
    return await is_ancestor(checkout, base, checkout.head)


def _after(refused: GitOutput, branch_name: str) -> str:
    if "GPG signature" in refused.stderr:
        return (
            "merge.verifySignatures is set, and agentflow does not sign; look at the commits, then take them: "
            f"git merge --no-verify-signatures {branch_name}"
        )
    return _by_hand(branch_name)


def _by_hand(branch_name: str) -> str:
    return f"to merge by hand: git merge {branch_name}"


async def _require_no_overlap(checkout: Repository, target: str) -> None:
    incoming = await changes(checkout, checkout.head, target)
    touched = {change.path for change in incoming}
    tracked = frozenset(await list_files(checkout, checkout.head))
    overlap = sorted((touched & await _uncommitted(checkout)) | _in_the_way(checkout, incoming, tracked))
    if overlap:
        raise EnvironmentError_(
            f"uncommitted work in {checkout.root} would be overwritten: {', '.join(overlap)}",
            hint="commit or stash it, then again",
        )


async def _uncommitted(checkout: Repository) -> set[str]:
    """Tracked files with changes of the user's, staged or not."""
    listed = await git(
        checkout.root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all"
    )
    return {entry[3:] for entry in listed.fields}


def _in_the_way(checkout: Repository, incoming: tuple[Change, ...], tracked: frozenset[str]) -> set[str]:
    """Untracked things, ignored ones too, that stand where the merge adds a file or needs a folder."""
    added = {change.path for change in incoming if change.status == "A"}
    folders = {str(parent) for path in added for parent in PurePosixPath(path).parents if parent.name}
    return {
        place
        for place in (added | folders) - tracked
        if _is_untracked_file(checkout.root / place)
        or (place in added and _holds_untracked(checkout.root, place, tracked))
    }


def _is_untracked_file(place: Path) -> bool:
    return place.is_symlink() or (place.exists() and not place.is_dir())


def _holds_untracked(root: Path, folder: str, tracked: frozenset[str]) -> bool:
    files = (Path(top, name) for top, _, names in os.walk(root / folder) for name in names)
    return any(str(file.relative_to(root)) not in tracked for file in files)
