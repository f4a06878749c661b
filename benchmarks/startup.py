"""How long `agentflow --help` takes beside `python -c "import typer, rich"`: medians of alternating runs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

RUNS = 15
TARGET = 2.5
COMMANDS = {
    "agentflow --help": [sys.executable, "-m", "agentflow", "--help"],
    "import typer, rich": [sys.executable, "-c", "import typer, rich"],
}
#: Bytecode is cached, as it is for a user.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    for command in COMMANDS.values():
        seconds(command)
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    print(f"{RUNS} alternating runs each after one to warm up, seconds; load {os.getloadavg()[0]:.1f}")
    for name, times in taken.items():
        print(f"  {name:<20} median {statistics.median(times):.3f}  fastest {min(times):.3f}  slowest {max(times):.3f}")
    ours, theirs = (statistics.median(times) for times in taken.values())
    print(f"ratio of medians {ours / theirs:.2f} (target: at most {TARGET})")


if __name__ == "__main__":
    main()
