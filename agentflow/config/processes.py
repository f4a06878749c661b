"""Processes below one of ours, as /proc tells them, so on Linux only; elsewhere none are found."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

PROC = Path("/proc")
#: Fields of /proc/<pid>/stat after the command's name.
_STATE, _PARENT, THREADS, STARTED, RSS_PAGES = 0, 1, 17, 19, 21


def descendants(root: int) -> dict[int, list[str]]:
    """The live process `root` and what it started, by pid, nearest first: the fields of /proc/<pid>/stat.

    Whatever session or group they moved to. What has lost its parent is found only where a namespace's first process
    took it over.
    """
    stats = _all_stats()
    children = defaultdict(list)
    for pid, fields in stats.items():
        children[int(fields[_PARENT])].append(pid)
    queue = [root]
    for pid in queue:
        queue.extend(children[pid])
    return {pid: stats[pid] for pid in queue if pid in stats}


def started(pid: int) -> str | None:
    """When a process started, which tells it from a later one of its number; None when it is gone or a zombie."""
    fields = _stat(pid)
    return fields[STARTED] if fields else None


def _all_stats() -> dict[int, list[str]]:
    if not PROC.is_dir():
        return {}
    pids = (int(name) for name in os.listdir(PROC) if name.isdigit())  # noqa: PTH208  names only, twice a second
    return {pid: fields for pid in pids if (fields := _stat(pid))}


def _stat(pid: int) -> list[str] | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[_STATE] == "Z" else fields
