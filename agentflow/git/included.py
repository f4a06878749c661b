"""`.worktreeinclude`: ignored files of the user's checkout that every worktree needs, such as `.env`."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from agentflow.git.command import git
from agentflow.git.linked import entry_of, record_included
from agentflow.git.repository import Repository


async def copy_included(repository: Repository, worktree: Path) -> None:
    """Copy the files that match `.worktreeinclude` (gitignore syntax) and are git-ignored in the user's checkout.

    Only regular files are copied, and none over a file of the commit.
    """
    patterns = repository.root / ".worktreeinclude"
    if not patterns.is_file():
        return
    listed = await git(repository.root, "ls-files", "-z", "--others", "--ignored", f"--exclude-from={patterns}")
    ignored = await git(
        repository.root,
        "check-ignore",
        "-z",
        "--stdin",
        check=False,
        stdin=listed.stdout.encode(errors="surrogateescape"),
    )
    copied = await asyncio.to_thread(_copy, repository.root, worktree, ignored.fields)
    record_included(entry_of(repository, worktree), copied)


def _copy(root: Path, worktree: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]
    free = [name for name in wanted if _is_free(worktree, name)]
    for name in free:
        (worktree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, worktree / name)
    return tuple(free)


def _is_free(worktree: Path, name: str) -> bool:
    """Nothing is there yet, and no symlink of the commit leads the copy out of the worktree."""
    target = worktree / name
    return not os.path.lexists(target) and target.parent.resolve().is_relative_to(worktree.resolve())
