"""What agentflow itself costs a subtask, in small runs and in large ones.

Runs of independent subtasks whose agents answer at once (`instant.py`) and whose check costs nothing. What grows faster
than the number of subtasks shows as a ratio above one. A run of one subtask is taken off: that is start and end.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from instant import Machine, Used, in_a_folder, planned

TARGET = 1.2


def measure(subtasks: int, profile: str = "") -> Used:
    with in_a_folder() as folder:
        machine = Machine(Path(folder).resolve())
        return machine.run(planned(subtasks), "--max-parallel", "4", profile=profile)


def per_subtask(used: Used, least: Used, subtasks: int) -> float:
    return (used.own_s - least.own_s) / (subtasks - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", type=int, nargs="*", default=[20, 150], help="numbers of subtasks, smallest first")
    parser.add_argument("--profile", default="", metavar="FILE", help="write a profile of the last run")
    parser.add_argument("--git", action="store_true", help="name the git commands of the last run")
    args = parser.parse_args()
    least = measure(1)
    print(f"{'subtasks':>8} {'cpu':>8} {'per subtask':>12} {'with git':>9} {'git processes':>14} {'clock':>8}")
    each, used = [], least
    for size in args.sizes:
        used = measure(size, args.profile if size == args.sizes[-1] else "")
        each.append(per_subtask(used, least, size))
        total, git = used.own_s + used.children_s, sum(used.git.values()) / size
        row = f"{size:>8} {used.own_s:>6.1f} s {each[-1]:>10.3f} s {total / size:>7.3f} s {git:>14.1f}"
        print(f"{row} {used.wall_s:>6.1f} s", flush=True)
    if args.git:
        print(", ".join(f"{name} {count / args.sizes[-1]:.1f}" for name, count in used.git.items()))
    ratio = each[-1] / each[0]
    print(f"ratio of the last to the first {ratio:.2f} (target: at most {TARGET})")
    sys.exit(ratio > TARGET)


if __name__ == "__main__":
    main()
