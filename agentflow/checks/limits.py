"""What a check takes of the machine, watched from outside: memory, and how many processes and threads.

Watched, and not given to the kernel, because that holds nowhere by itself: RLIMIT_AS and RLIMIT_DATA count what is only
reserved (Node, Go, Java and sanitizers reserve up to terabytes), RLIMIT_NPROC does not bind root and counts all of a
user's processes before Linux 5.14, and cgroups are not ours to make in most containers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agentflow.config.processes import PROC, RSS_PAGES, THREADS, descendants
from agentflow.config.settings import Settings
from agentflow.domain.evidence import Limits

#: Between two looks, seconds; and so many times what a look took, which is longer on a crowded machine.
_EVERY_S = 0.2
_REST = 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
GB = 1 << 30
#: What a container may take, where it is limited: version 2 and version 1 of control groups.
_CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_memory() -> int:
    """Bytes of memory that this machine, or the container we are in, has."""
    found = [os.sysconf("SC_PHYS_PAGES") * _PAGE]
    for path in _CGROUP:
        with contextlib.suppress(OSError, ValueError):  # no such limit, or the word max
            found.append(int(path.read_text(encoding="utf-8")))
    return min(found)


def limits_of(settings: Settings) -> Limits:
    """What the user lets a check, or set-up, take; three quarters of the machine's memory where they do not say."""
    given = settings.check_memory_gb
    return Limits(int(given * GB) if given else machine_memory() * 3 // 4, settings.check_processes)


async def overrun(root: int, limits: Limits) -> str:
    """Watch the process `root` and all below it; why they have to be stopped, once they exceed a limit.

    Without /proc nothing is seen, and this waits until it is cancelled.
    """
    while True:
        begun = time.monotonic()
        if exceeded := await asyncio.to_thread(_exceeded, root, limits):
            return exceeded
        await asyncio.sleep(max(_EVERY_S, _REST * (time.monotonic() - begun)))


def kill_below(root: int) -> None:
    """Kill the process `root` and all below it, those that left its group too.

    They are stopped first: what starts others would lose its children to another parent while it is killed.
    """
    stopped = set[int]()
    while fresh := descendants(root).keys() - stopped:
        _signal(fresh, signal.SIGSTOP)
        stopped |= fresh
    _signal(stopped, signal.SIGKILL)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _exceeded(root: int, limits: Limits) -> str:
    tree = descendants(root)
    if sum(int(fields[THREADS]) for fields in tree.values()) > limits.processes:
        return f"it had more than {limits.processes} processes and threads; raise that with check_processes"
    if limits.memory_bytes is None or _memory(tree, limits.memory_bytes) <= limits.memory_bytes:
        return ""
    return f"it used more than {limits.memory_bytes / GB:.3g} GB of memory; raise that with check_memory_gb"


def _memory(tree: Mapping[int, list[str]], enough: int) -> int:
    """Bytes that these processes use, and files in the sandbox's own memory file systems.

    Pages that they share are counted once, but only where the sum that counts them for each exceeds `enough`: exact
    figures take long.
    """
    resident = {pid: int(fields[RSS_PAGES]) * _PAGE for pid, fields in tree.items()}
    files = _in_memory_files(list(tree)[-1] if tree else 0)
    if sum(resident.values()) + files <= enough:
        return sum(resident.values()) + files
    return sum(_proportional(pid, size) for pid, size in resident.items()) + files


def _proportional(pid: int, resident: int) -> int:
    try:
        told = (PROC / str(pid) / "smaps_rollup").read_text(encoding="utf-8")
    except OSError:  # gone, or not ours to look at
        return resident
    found = re.search(r"^Pss:\s+(\d+) kB", told, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _in_memory_files(pid: int) -> int:
    """Bytes of files in those tmpfs mounts of a process that are not ours as well."""
    ours = set(_tmpfs("self").values())
    theirs = {device: place for place, device in _tmpfs(str(pid)).items() if device not in ours}
    return sum(_held(f"{PROC}/{pid}/root{place}", device) for device, place in theirs.items())


def _held(place: str, device: str) -> int:
    """Bytes of files in a mount; 0 where another one is there by now: a sandbox that begins changes its root."""
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        found, held = os.fstat(opened).st_dev, os.fstatvfs(opened)
    finally:
        os.close(opened)
    is_same = f"{os.major(found)}:{os.minor(found)}" == device
    return (held.f_blocks - held.f_bfree) * held.f_frsize if is_same else 0


def _tmpfs(pid: str) -> dict[str, str]:
    """Device numbers by mount point."""
    try:
        lines = (PROC / pid / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return {}
    return dict(_mounts(lines))


def _mounts(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        mount, _, system = line.partition(" - ")
        if system.startswith("tmpfs "):
            _, _, device, _, place, *_ = mount.split(" ")
            yield re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place), device
