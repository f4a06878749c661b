"""What the sandbox costs a check: the same command in it and without it, in turns."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from agentflow.checks.environment import check_environment
from agentflow.checks.sandbox import CheckSandbox


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        worktree, config = Path(folder, "worktree"), Path(folder, "git", "config")
        for place in (worktree, config.parent):
            place.mkdir()
        config.touch()
        environment = check_environment(worktree, Path(folder, "checkout"))
        sandbox = CheckSandbox(Path(folder, "checkout"), config.parent, config, config)
        wrapper = sandbox.command(worktree, (), environment, network=False)
        for command in ("true", "python3 -c pass"):
            argv = ["/bin/sh", "-c", command]
            pairs = [(_took(argv, environment), _took([*wrapper, *argv], environment)) for _ in range(times)]
            without, within = (median(side) for side in zip(*pairs, strict=True))
            print(f"{command}: {1000 * (within - without):.0f} ms more, {within / without:.2f} times as long")


def _took(argv: Sequence[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, check=True, cwd=os.sep)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
