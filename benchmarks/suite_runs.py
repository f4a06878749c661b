"""How often a run starts the suite and its subtasks' own checks, beside what the rule before merge trains needed.

Agents answer at once (`instant.py`); each check writes down that it was started, its repetition after a failure too.
What is counted are starts, not seconds: a longer suite changes how many attempts wait for a train, and no more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from instant import Machine, in_a_folder, planned

#: Starts of the suite and of the subtasks' own checks under the former rule, when each merge was proved alone and with
#: every merged subtask's checks (the last two from N(N+3)/2 - 1): subtasks, whether all fail on haiku, with a suite.
FORMER = {
    (6, False, True): (12, 26),
    (6, True, True): (36, 50),
    (20, False, False): (0, 229),
    (40, False, False): (0, 859),
}


def counted(subtasks: int, suite_s: float, *, fails: bool, suite: bool) -> tuple[int, int]:
    """Starts of the suite and of the subtasks' own checks."""
    with in_a_folder() as folder:
        machine = Machine(Path(folder).resolve())
        machine.env["AGENTFLOW_SANDBOX"] = "off"  # checks write to a file outside
        log = machine.folder / "starts.txt"
        plan = planned(subtasks, f"echo own >> {log}; grep -q good {{file}}")
        whole = f"echo suite >> {log}; sleep {suite_s}; ! grep -l bad *.txt"
        machine.run(plan, *(("--check", whole) if suite else ()), fails="haiku" if fails else "")
        starts = log.read_text().split()
    return starts.count("suite"), starts.count("own")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=float, default=1.0, metavar="SECONDS", help="how long the suite takes")
    parser.add_argument("--small", action="store_true", help="only the runs of six subtasks")
    args = parser.parse_args()
    print(f"{'subtasks':>8}  {'on haiku':<9} {'suite':>6} {'before':>7} {'own checks':>11} {'before':>7}")
    own: dict[int, int] = {}
    for (subtasks, fails, suite), former in FORMER.items():
        if args.small and not suite:
            continue
        now = counted(subtasks, args.suite, fails=fails, suite=suite)
        own[subtasks] = now[1]
        tried = "all fail" if fails else "all pass"
        print(f"{subtasks:>8}  {tried:<9} {now[0]:>6} {former[0]:>7} {now[1]:>11} {former[1]:>7}", flush=True)
    if not args.small:
        growth = own[40] / own[20]
        print(f"twice the subtasks, {growth:.2f} times the runs (target: at most 2.2)")
        sys.exit(growth > 2.2)


if __name__ == "__main__":
    main()
