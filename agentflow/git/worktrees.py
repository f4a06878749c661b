"""Worktrees: an attempt's own checkout, in agentflow's cache folder, never inside the user's."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

from agentflow.config.paths import cache_dir
from agentflow.errors import EnvironmentError_
from agentflow.git.command import git
from agentflow.git.entries import delete_entries, make_entry, move_worktree_to
from agentflow.git.folders import delete_tree
from agentflow.git.included import copy_included
from agentflow.git.linked import entries, entry_of, git_in, worktree_of
from agentflow.git.locking import shared_lock
from agentflow.git.repository import Repository
from agentflow.git.submodules import lay_out_submodules

_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


async def add_worktree(repository: Repository, path: Path, commit: str) -> bool:
    """Check `commit` out at `path`, detached, in place of whatever an earlier call left there.

    Submodules the user has initialised are filled without network; `.worktreeinclude` is honoured. Says whether the
    commit has submodules.
    Raises EnvironmentError_ when `path` is not in agentflow's worktree folder or lies in the repository, StoreError
    when the lock of the shared git directory stays held.
    """
    path = _new_place(repository, path)
    await asyncio.to_thread(delete_tree, path)
    async with shared_lock(repository.common_dir):
        delete_entries(repository, path, _home())
        await make_entry(repository, path, await _full_id(repository, commit))
    await git_in(repository, path, "reset", "--hard", "--quiet")
    has_submodules = await lay_out_submodules(repository.root, commit, path)
    await copy_included(repository, path)
    return has_submodules


async def move_worktree(repository: Repository, old: Path, new: Path) -> None:
    """Put a worktree in another place, in place of whatever was there.

    Raises as `add_worktree`, and where there is no worktree at `old`.
    """
    new = _new_place(repository, new)
    await asyncio.to_thread(delete_tree, new)
    async with shared_lock(repository.common_dir):
        delete_entries(repository, new, _home())
        await asyncio.to_thread(move_worktree_to, entry_of(repository, old), old, new)


async def remove_worktree(repository: Repository, path: Path) -> None:
    """Remove the worktree, whatever state it is in; harmless when it is gone. Branches and commits stay.

    Raises EnvironmentError_ when `path` is not in agentflow's worktree folder.
    """
    path = _own_place(path)
    await asyncio.to_thread(delete_tree, path)
    async with shared_lock(repository.common_dir):
        delete_entries(repository, path, _home())
        with suppress(OSError):
            (repository.common_dir / "worktrees").rmdir()


async def remove_worktrees(repository: Repository, folder: Path) -> None:
    """Remove this repository's worktrees below `folder`, a run's own; harmless when there are none."""
    place = _own_place(folder)
    ours = [path for path in await list_worktrees(repository) if path.is_relative_to(place)]
    await asyncio.gather(*(remove_worktree(repository, path) for path in ours))


async def list_worktrees(repository: Repository) -> tuple[Path, ...]:
    """The worktrees agentflow made of this repository, those whose folder is gone among them."""
    paths = await asyncio.to_thread(lambda: [worktree_of(entry) for entry in entries(repository)])
    return tuple(path for path in paths if path is not None and path.is_relative_to(_home()))


def _home() -> Path:
    return (cache_dir() / "worktrees").resolve()


def _own_place(path: Path) -> Path:
    """The path with its folder's symlinks followed, so that what is checked is what is used."""
    place = path.absolute().parent.resolve() / path.name
    if _home() not in place.parents or place.is_symlink():
        raise EnvironmentError_(f"{path} is not in agentflow's worktree folder {_home()}")
    return place


def _new_place(repository: Repository, path: Path) -> Path:
    """Outside the repository as given and as resolved: a symlink committed into it would lead out again."""
    place = _own_place(path)
    inside = (repository.root, repository.common_dir)
    if any(given.is_relative_to(folder) for given in (path.absolute(), place) for folder in inside):
        raise EnvironmentError_(
            f"the worktree {path} would lie inside {repository.root}",
            hint="set AGENTFLOW_CACHE_DIR to a folder outside the repository",
        )
    return place


async def _full_id(repository: Repository, commit: str) -> str:
    if _FULL_ID.fullmatch(commit):
        return commit
    return (await git(repository.root, "rev-parse", "--verify", f"{commit}^{{commit}}")).line
