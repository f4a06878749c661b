"""What agentflow itself costs a subtask, in a small run and in a large one.

Runs of independent subtasks whose agents answer at once (`instant.py`) and whose check costs nothing. Runs of one
subtask, which are start and end, are taken off. What grows faster than the number of subtasks shows as a ratio above
one. Small runs are repeated for as long as the large one takes, beside it: a processor second is worth less on a busy
machine, and so both find it equally busy.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

from instant import Machine, Used, in_a_folder, planned

TARGET = 1.2


def measure(subtasks: int) -> Used:
    with in_a_folder() as folder:
        return Machine(Path(folder).resolve()).run(planned(subtasks), "--max-parallel", "4")


def side_by_side(small: int, large: int) -> tuple[list[Used], list[Used], Used]:
    """Runs of one subtask and small runs, made while the large one goes on."""
    single, few = list[Used](), list[Used]()
    with ThreadPoolExecutor() as pool:
        many = pool.submit(measure, large)
        while not many.done():
            single.append(measure(1))
            few.append(measure(small))
    return single, few, many.result()


def report(size: int, runs: list[Used], start_s: float) -> float:
    """One row; returns the processor seconds of a subtask."""
    each = (fmean(run.own_s for run in runs) - start_s) / (size - 1)
    whole = fmean(run.own_s + run.children_s for run in runs) / size
    git = fmean(sum(run.git.values()) for run in runs) / size
    print(f"{size:>8} {len(runs):>5} {each:>12.3f} s {whole:>9.3f} s {git:>14.1f}")
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=20, help="subtasks of the small runs")
    parser.add_argument("--large", type=int, default=150, help="subtasks of the large run")
    args = parser.parse_args()
    single, few, many = side_by_side(args.small, args.large)
    start_s = fmean(run.own_s for run in single)
    print(
        f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; start and end {start_s:.1f} s of processor time"
    )
    print(f"{'subtasks':>8} {'runs':>5} {'cpu a subtask':>14} {'with all':>11} {'git processes':>14}")
    ratio = report(args.large, [many], start_s) / report(args.small, few, start_s)
    print(", ".join(f"{name} {count / args.large:.1f}" for name, count in many.git.items() if count >= args.large))
    print(f"a subtask of the large run costs {ratio:.2f} times one of the small (target: at most {TARGET})")
    sys.exit(ratio > TARGET)


if __name__ == "__main__":
    main()
