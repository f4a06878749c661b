"""New commits outlive whatever collection of garbage somebody runs meanwhile.

`git gc --prune=now` deletes what no ref held when it began to look, a commit that a ref has held since among it. It
spares what was written after it began, by the times of the files: so new objects are given a time to come before a ref
holds them. One that was deleted even before that is noticed then, and the work that made it is done once more.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from agentflow.git.command import ObjectGone, git
from agentflow.git.repository import Repository

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds from now: enough for a ref to be set meanwhile.
_TO_COME_S = 60.0
_NOT_OURS = frozenset({"000000", "160000"})


def once_more(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Do work that makes objects a second time where one of them is gone."""

    @wraps(work)
    async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await work(*args, **kwargs)
        except ObjectGone:
            return await work(*args, **kwargs)

    return repeated


async def outlast(repository: Repository, commit: str, tree: str, since: str) -> None:
    """Have a new commit survive until a ref holds it, with all that it has and its parent `since` has not.

    Raises ObjectGone where some of it is gone already.
    """
    words = ("diff-tree", "-r", "-t", "-z", "--raw", "--no-renames", "--no-abbrev", since, commit)
    listed = (await git(repository.root, *words)).fields[::2]
    about = (entry.split(" ") for entry in listed)
    new = {commit, tree, *(oid for _, mode, _, oid, _ in about if mode not in _NOT_OURS)}
    elsewhere = await asyncio.to_thread(_renewed, repository.common_dir / "objects", new)
    if elsewhere:  # in a pack, as far as they are there
        asked = "".join(f"{oid}\n" for oid in elsewhere).encode()
        answers = (await git(repository.root, "cat-file", "--batch-check", stdin=asked)).stdout.splitlines()
        if lost := [answer for answer in answers if answer.endswith(" missing")]:
            raise ObjectGone(f"{len(lost)} new objects were deleted from {repository.root} meanwhile: {lost[0]}")


def _renewed(objects: Path, oids: Iterable[str]) -> list[str]:
    """Give these objects a time to come; returns those that have no file of their own."""
    to_come, elsewhere = time.time() + _TO_COME_S, list[str]()
    for oid in oids:
        try:
            os.utime(objects / oid[:2] / oid[2:], (to_come, to_come))
        except FileNotFoundError:
            elsewhere.append(oid)
    return elsewhere
