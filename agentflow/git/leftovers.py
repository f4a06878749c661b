"""What Claude Code's sandbox leaves in the repository's git directory: empty places it mounts its guards on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

from agentflow.git.repository import Repository

#: Seen with CLI 2.1.330; a folder after what is in it.
PLACES = ("branches", "remotes", "glab-cli", "hooks", "config.worktree", "info/.claude-sandbox-noreplace", "info")


def places_in_use(repository: Repository) -> tuple[str, ...]:
    """Those of the places that the repository has by itself; ask before the first agent works."""
    return tuple(place for place in PLACES if (repository.common_dir / place).exists())


async def clear_leftovers(repository: Repository, own: Collection[str]) -> None:
    """Remove the places that are not the repository's `own` and are empty. Only while no sandbox is using them."""
    await asyncio.to_thread(_clear, repository, own)


def _clear(repository: Repository, own: Collection[str]) -> None:
    for place in (repository.common_dir / name for name in PLACES if name not in own):
        with contextlib.suppress(OSError):  # not empty, or not there: not ours to remove
            if place.is_dir() and not place.is_symlink():
                place.rmdir()
            elif place.is_file() and place.stat().st_size == 0:
                place.unlink()
