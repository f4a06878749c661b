"""New commits outlive whatever collection of garbage somebody runs meanwhile.

`git gc --prune=now` deletes what no ref held when it began to look, with what a ref has held since. So objects are made
when none is running, and when one has begun before a ref held them, they are looked at once more after it. What it
deleted is made again.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from agentflow.config.machine import is_alive
from agentflow.git.command import ObjectGone, git
from agentflow.git.repository import Repository

P = ParamSpec("P")
T = TypeVar("T")

_POLL_S = 0.05
_TRIES = 5
#: A collection that takes longer is not waited for. Git itself believes in one for so long as the second says.
_PATIENCE_S, _STALE_S = 120.0, 12 * 3600.0
_NOT_OURS = frozenset({"000000", "160000"})


def until_held(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Do work that makes objects again where one of them is gone, some times."""

    @wraps(work)
    async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES - 1):
            with suppress(ObjectGone):
                return await work(*args, **kwargs)
        return await work(*args, **kwargs)

    return repeated


async def no_collection(repository: Repository) -> None:
    """Wait until nobody collects garbage."""
    for _ in range(int(_PATIENCE_S / _POLL_S)):
        if not await asyncio.to_thread(_is_collected, repository.common_dir / "gc.pid"):
            return
        await asyncio.sleep(_POLL_S)


async def new_objects(repository: Repository, commit: str, tree: str, since: str) -> frozenset[str]:
    """The objects of a commit that its parent `since` has not. Raises ObjectGone where one of them is not there."""
    words = ("diff-tree", "-r", "-t", "-z", "--raw", "--no-renames", "--no-abbrev", since, commit)
    about = (entry.split(" ") for entry in (await git(repository.root, *words)).fields[::2])
    new = frozenset({commit, tree, *(oid for _, mode, _, oid, _ in about if mode not in _NOT_OURS)})
    await require(repository, new)
    return new


async def require(repository: Repository, oids: frozenset[str]) -> None:
    """Raises ObjectGone where one of these is not there, once nobody collects garbage any more."""
    await no_collection(repository)
    objects = repository.common_dir / "objects"
    packed = await asyncio.to_thread(lambda: [oid for oid in oids if not (objects / oid[:2] / oid[2:]).exists()])
    if packed:  # as far as they are there
        asked = "".join(f"{oid}\n" for oid in packed).encode()
        answers = (await git(repository.root, "cat-file", "--batch-check", stdin=asked)).lines
        if lost := [answer for answer in answers if answer.endswith(" missing")]:
            raise ObjectGone(f"{len(lost)} new objects were collected from {repository.root} meanwhile: {lost[0]}")


def _is_collected(lock: Path) -> bool:
    """Whether `git gc` is at work: as git itself tells."""
    try:
        pid, _, host = lock.read_text(errors="replace", encoding="utf-8").strip().partition(" ")
        age_s = time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return False
    if age_s > _STALE_S or not pid.isdigit():
        return False
    return host != socket.gethostname() or is_alive(int(pid))
