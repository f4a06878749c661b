"""How far a running suite is, as the interpreter's shim writes it down test by test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from agentflow.config.reading import open_file

#: Tests that are done, all that there are, failures so far.
Tell = Callable[[int, int, int], None]

_EVERY_S = 2.0
_LAST = re.compile(rb"(\d{1,9}) (\d{1,9}) (\d{1,9})\n\Z")


@contextlib.asynccontextmanager
async def following(folder: Path, tell: Tell | None) -> AsyncIterator[None]:
    """Tell the progress of the check that reports into `folder`, every two seconds in which it moved."""
    task = asyncio.create_task(_follow(folder / "progress", tell)) if tell else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _follow(file: Path, tell: Tell) -> None:
    told: tuple[int, int, int] | None = None
    while True:
        await asyncio.sleep(_EVERY_S)
        found = await asyncio.to_thread(_read, file)
        if found is not None and found != told:
            told = found
            tell(*found)


def _read(file: Path) -> tuple[int, int, int] | None:
    """The last whole line, of a regular file only: tests could have put anything there."""
    try:
        with open_file(file, os.O_NOFOLLOW) as opened:
            opened.seek(max(0, os.fstat(opened.fileno()).st_size - 100))
            last = _LAST.search(opened.read(100))
    except OSError:
        return None
    return (int(last[1]), int(last[2]), int(last[3])) if last else None
