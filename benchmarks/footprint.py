"""What a command takes: seconds, processor time, and the memory of its whole process tree. Linux only."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at the memory; the shortest process measured lives ten times as long.
EVERY = 0.2


@dataclass(frozen=True)
class Footprint:
    """A finished command: seconds on the clock and of processor time, peak memory of all its processes in bytes.

    Memory is counted as proportional set size: a page that several processes share counts once in all.
    """

    code: int
    out: str
    err: str
    wall: float
    cpu: float
    peak: int


def measured(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Footprint:
    """Run a command to its end."""
    before, started = _cpu_of_children(), time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watch = _Watch(process.pid)
        code = process.wait()
        wall = time.perf_counter() - started
        peak = watch.end()
        texts = [(file.seek(0), file.read())[1] for file in (out, err)]
    return Footprint(code, texts[0], texts[1], wall, _cpu_of_children() - before, peak)


class _Watch:
    """Looks at the memory of a process tree until told to end."""

    def __init__(self, root: int) -> None:
        self._root, self._peak, self._over = root, 0, threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """The most memory seen, in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _look_on(self) -> None:
        while not self._over.wait(EVERY):
            self._peak = max(self._peak, sum(map(_memory, _tree(self._root))))


def _tree(root: int) -> set[int]:
    """The process and all its descendants."""
    parents = dict(_parents())
    found: set[int] = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (process / "stat").read_text().rpartition(")")[2]
        except OSError:
            continue
        yield int(process.name), int(after_name.split()[1])


def _memory(pid: int) -> int:
    """Proportional set size in bytes, 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def processors() -> str:
    """The machine in a few words."""
    return f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
