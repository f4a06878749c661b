"""Checks of one repository run side by side, whatever run they belong to, unless one asks to be alone."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from agentflow.config.paths import cache_dir

_POLL_S = 0.02

#: Tells, once the check has ended, whether another one of ours ran at the same time.
HadCompany = Callable[[], bool]


class Turns:
    """Two locks between processes: the room, which a check shares or has to itself, and the door before it.

    Who wants to be alone holds the door while those in the room end, so that nobody waits for ever. A lock goes with
    the process that holds it.
    """

    def __init__(self, common_dir: Path) -> None:
        name = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:24]
        self._door = cache_dir() / "turns" / f"{name}.door"
        self._room = cache_dir() / "turns" / f"{name}.room"

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[HadCompany]:
        """Run beside others, once nobody is alone in there."""
        with _opened(self._room) as room:
            with _opened(self._door) as door:
                await _take(door, fcntl.LOCK_EX)
                first = _taken(room, fcntl.LOCK_EX)
                await _take(room, fcntl.LOCK_SH)
                number = _counted(door)
            yield lambda: not first or _count(self._door) != number

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[HadCompany]:
        """Run with no other check beside it: those that run may end, others wait."""
        with _opened(self._door) as door, _opened(self._room) as room:
            await _take(door, fcntl.LOCK_EX)
            await _take(room, fcntl.LOCK_EX)
            yield lambda: False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


async def _take(handle: int, kind: int) -> None:
    while not _taken(handle, kind):  # noqa: ASYNC110  other processes set no event
        await asyncio.sleep(_POLL_S)


def _taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _counted(door: int) -> bytes:
    """The number of those who have come in, oneself included."""
    number = str(int(os.pread(door, 32, 0) or b"0") + 1).encode()
    os.pwrite(door, number, 0)
    return number


def _count(door: Path) -> bytes:
    return door.read_bytes()
