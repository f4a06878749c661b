"""What agentflow costs in a repository of any size, beside git alone in the same repository.

A plan of independent subtasks, each of one new file, is carried out by agents that answer at once (`instant.py`); git
alone adds as many worktrees of the same commit, before and after. Reviews of one file and of many stand beside git's
own diff. `crowded` is a repository with many refs besides, and many ignored files in the checkout. Processor time is
the orchestrator's with that of all its processes. A run in a repository of one file shows what of it is start, end and
engine, and does not grow.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from instant import Machine, Used, in_a_folder, planned

SUBTASKS = 6
CPU_TARGET, WALL_TARGET = 2.0, 1.3
REFS, IGNORED, REVIEWED = 20_000, 30_000, 3_000
#: Seconds between two looks at how many worktrees there are.
EVERY = 0.05


@dataclass(frozen=True)
class Bare:
    """Git alone: processor seconds and seconds on the clock, and the bytes of one worktree."""

    cpu_s: float
    wall_s: float
    size: int


@dataclass(frozen=True)
class Row:
    """A repository by its name: git alone, a run, the most worktrees that the run had at once.

    `reviews`: processor seconds of one that reads one file, and of one that reads many.
    """

    name: str
    bare: Bare
    used: Used
    worktrees: int
    reviews: tuple[float, ...]

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.used)

    @property
    def cpu_ratio(self) -> float:
        return self.cpu_s / self.bare.cpu_s

    @property
    def wall_ratio(self) -> float:
        return self.used.wall_s / self.bare.wall_s


def cpu_s(used: Used) -> float:
    return used.own_s + used.children_s


def fill(machine: Machine, files: int) -> None:
    """One commit of files of some hundred lines at the most, as a clone has it: packed, and checked out."""
    words, stream = random.Random(files), [b"commit refs/heads/large\ncommitter B <b@b> 0 +0000\ndata 0\n"]
    for n in range(files):
        lines = "".join(
            f"value_{words.getrandbits(32)} = {words.getrandbits(48)}\n" for _ in range(words.randint(1, 150))
        )
        stream.append(
            f"M 644 inline part_{n // 500}/group_{n // 20}/module_{n}.py\ndata {len(lines)}\n{lines}\n".encode()
        )
    machine.git("fast-import", "--quiet", given=b"".join(stream))
    machine.git("reset", "-q", "--hard", "large")


def crowd(machine: Machine) -> None:
    """Refs of others, as a fetch leaves them, and files that an ignore rule hides."""
    head = machine.git("rev-parse", "HEAD").strip()
    told = "".join(f"create refs/remotes/origin/topic/{n} {head}\n" for n in range(REFS))
    machine.git("update-ref", "--stdin", given=told.encode())
    machine.git("pack-refs", "--all")
    (machine.root / ".git" / "info" / "exclude").write_text("hidden/\n")
    for n in range(IGNORED):
        file = machine.root / "hidden" / str(n % 300) / f"{n}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"export const n = {n}\n")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of the processes that it starts, and seconds on the clock."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - started


def bare(machine: Machine) -> Bare:
    """As many worktrees as there are subtasks, one after the other."""
    places = [machine.folder / "bare" / str(n) for n in range(SUBTASKS)]
    cpu, wall = timed(
        lambda: [machine.git("worktree", "add", "-q", "--detach", str(place), "HEAD") for place in places]
    )
    size = sum(file.lstat().st_blocks * 512 for file in places[0].rglob("*"))
    shutil.rmtree(machine.folder / "bare")
    machine.git("worktree", "prune")
    return Bare(cpu, wall, size)


@contextmanager
def watched(folder: Path) -> Iterator[list[int]]:
    """How many worktrees there were at each look."""
    seen, over = [0], threading.Event()

    def look_on() -> None:
        while not over.wait(EVERY):
            seen.append(sum(1 for _ in folder.glob("*/*")))

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def measure(name: str, files: int, *, crowded: bool = False) -> Row:
    with in_a_folder() as folder:
        machine = Machine(Path(folder).resolve())
        fill(machine, files)
        if crowded:
            crowd(machine)
        bare(machine)  # the first to use the machine's memory pays for that
        before = bare(machine)
        with watched(machine.folder / "cache" / "worktrees") as seen:
            used = machine.run(planned(SUBTASKS))
        after = bare(machine)
        alone = Bare(fmean((before.cpu_s, after.cpu_s)), fmean((before.wall_s, after.wall_s)), before.size)
        report(row := Row(name, alone, used, max(seen), ()))
        return replace(row, reviews=review(machine, name))


def review(machine: Machine, name: str) -> tuple[float, ...]:
    """Reviews of a commit that changes one file, and of one that changes many: processor seconds."""
    listed, taken = machine.git("ls-files", "*.py").split(), list[float]()
    for count in (1, min(REVIEWED, len(listed))):
        for path in listed[:count]:
            with (machine.root / path).open("a") as file:
                file.write(f"another = {count}\n")
        machine.git("commit", "-qam", f"Change {count}")
        cpu, wall = timed(lambda: machine.git("diff", "HEAD^", "HEAD"))
        used = machine.agentflow("review", "HEAD^..HEAD", "--quiet", "--fail-on", "never")
        print(
            f"{name:>8}: review of {count:>5}: {cpu_s(used):6.1f} s of processor time,"
            f" {used.children_s:5.1f} git's, {used.wall_s:6.1f} s, {sum(used.git.values())} git processes;"
            f" git diff alone {cpu:.2f} s, {wall:.2f} s",
            flush=True,
        )
        taken.append(cpu_s(used))
    return tuple(taken)


def report(row: Row) -> None:
    count = sum(row.used.git.values())
    print(
        f"{row.name:>8} {row.bare.cpu_s:>8.1f} {row.used.own_s:>8.1f} {row.used.children_s:>8.1f} {row.cpu_ratio:>6.2f}"
        f" {row.bare.wall_s:>8.1f} {row.used.wall_s:>8.1f} {row.wall_ratio:>6.2f} {count / SUBTASKS:>8.1f}"
        f" {row.worktrees:>9} {row.worktrees * row.bare.size / 1e6:>7.0f}",
        flush=True,
    )


def in_one_file() -> Used:
    """The same run in a repository of one file."""
    with in_a_folder() as folder:
        return Machine(Path(folder).resolve()).run(planned(SUBTASKS))


def report_growth(sizes: Sequence[int], rows: Sequence[Row]) -> None:
    """Processor seconds for 1,000 files more, between the smallest repository and the largest."""
    first, last = rows[0], rows[-1]
    pairs = {
        "a run": (first.cpu_s, last.cpu_s),
        "git alone": (first.bare.cpu_s, last.bare.cpu_s),
        "a review of one file": (first.reviews[0], last.reviews[0]),
    }
    grown = {name: 1000 * (large - small) / (sizes[-1] - sizes[0]) for name, (small, large) in pairs.items()}
    print(f"growth for 1,000 files more: {', '.join(f'{name} {each:.3f} s' for name, each in grown.items())}")


def report_fixed(fixed: Used, rows: Sequence[Row]) -> None:
    beyond = (
        f"{row.name} {(row.cpu_s - cpu_s(fixed)) / row.bare.cpu_s:.2f} and"
        f" {(row.used.wall_s - fixed.wall_s) / row.bare.wall_s:.2f}"
        for row in rows
    )
    print(f"in a repository of one file: {cpu_s(fixed):.1f} s of processor time, {fixed.wall_s:.1f} s on the clock")
    print(f"without that, beside git alone, processor and clock: {'; '.join(beyond)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="*", default=[1_000, 10_000, 50_000])
    parser.add_argument("--crowded", type=int, default=10_000, help="files of the crowded repository, 0 for none")
    args = parser.parse_args()
    print(f"{SUBTASKS} subtasks; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; seconds")
    print(
        f"{'':8} {'git':>8} {'agent-':>8} {'its':>8} {'':>6} {'git':>8} {'':>8} {'':>6} {'git a':>8} {'worktrees':>9}"
    )
    print(
        f"{'files':>8} {'alone':>8} {'flow':>8} {'git':>8} {'ratio':>6} {'clock':>8} {'clock':>8} {'ratio':>6}"
        f" {'subtask':>8} {'at once':>9} {'MB':>7}"
    )
    fixed = in_one_file()
    rows = [measure(f"{files:,}", files) for files in args.files]
    crowded = [measure("crowded", args.crowded, crowded=True)] if args.crowded else []
    report_fixed(fixed, [*rows, *crowded])
    if len(rows) > 1:
        report_growth(args.files, rows)
    large = [row for row in (*rows, *crowded) if row.bare.cpu_s > 1]
    print(f"targets where checkouts are what counts: processor at most {CPU_TARGET}, clock at most {WALL_TARGET}")
    sys.exit(any(row.cpu_ratio > CPU_TARGET or row.wall_ratio > WALL_TARGET for row in large))


if __name__ == "__main__":
    main()
