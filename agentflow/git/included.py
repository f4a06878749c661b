"""`.worktreeinclude`: ignored files of the user's checkout that every worktree needs, such as `.env`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentflow.git.command import git
from agentflow.git.copying import copy_beside
from agentflow.git.linked import entry_of, record_included
from agentflow.git.repository import Repository


async def copy_included(repository: Repository, worktree: Path) -> None:
    """Copy what matches `.worktreeinclude` (gitignore syntax) and is git-ignored in the user's checkout.

    Whole folders are copied with all that is in them, links as links, and nothing over a file of the commit.
    """
    patterns = repository.root / ".worktreeinclude"
    if not patterns.is_file():
        return
    named = ("ls-files", "-z", "--others", "--ignored", "--directory", f"--exclude-from={patterns}")
    listed = await git(repository.root, *named)
    given = listed.stdout.encode(errors="surrogateescape")
    ignored = await git(repository.root, "check-ignore", "-z", "--stdin", check=False, stdin=given)
    copied = await asyncio.to_thread(copy_beside, repository.root, worktree, _lowest(ignored.fields))
    record_included(entry_of(repository, worktree), copied)


def _lowest(names: tuple[str, ...]) -> tuple[str, ...]:
    """Git lists a folder beside what it holds where only the latter matches."""
    above = {f"{parent}/" for name in names for parent in Path(name.rstrip("/")).parents}
    return tuple(name for name in names if name not in above)
