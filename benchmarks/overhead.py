"""What agentflow adds to the sessions it runs: `agentflow run --plan` beside a bare `query()` loop.

Both make the same sessions with the same requests against the same replay server, on the real Claude Code CLI, and
are measured from process start to process end, in turn. Bare sessions (`bare.py`) find their folders ready; agentflow
also plans nothing, but makes worktrees, commits, runs a trivial check, merges, records and reports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay

TARGET = 1.10
#: About what a mid-sized model takes for its first token and two hundred more. Real sessions have many more turns than
#: four, so agentflow's share of them is smaller still; with a shorter delay the figure shows the fixed costs larger.
DELAY_S = 4.0
DONE = {"status": "done", "summary": "Wrote it.", "confidence": 0.95, "blocked_reason": None}
DROPPED = ("PYTHONDONTWRITEBYTECODE", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock, and of processor time of a command with all its children; requests it made."""

    wall: float
    cpu: float
    requests: int


class Bench:
    """A folder, a server, and both ways to work through the same subtasks."""

    def __init__(self, folder: Path, server: ThreadedReplay, parallel: int) -> None:
        self._folder = folder
        self._server = server
        self._parallel = parallel
        (folder / "home").mkdir()
        self._env = {
            **{name: value for name, value in os.environ.items() if name not in DROPPED},
            "HOME": str(folder / "home"),
            "AGENTFLOW_STATE_DIR": str(folder / "state"),
            "AGENTFLOW_TRUST": "1",
            "AGENTFLOW_CACHE_DIR": str(folder / "cache"),
            "AGENTFLOW_CONFIG_DIR": str(folder / "config"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "ANTHROPIC_BASE_URL": server.base_url,
            "ANTHROPIC_API_KEY": "replayed",
        }
        self._rounds = 0

    def agentflow(self, subtasks: int) -> Taken:
        root, plan = self._repository(), self._new_folder() / "plan.yaml"
        plan.write_text(json.dumps({"summary": "Write files.", "subtasks": list(planned(subtasks))}))
        command = ["-m", "agentflow", "run", "--plan", str(plan), "--yes", "--quiet"]
        return self._taken([*command, "--max-parallel", str(self._parallel)], root)

    def bare(self, subtasks: int) -> Taken:
        """The prompts that agentflow sent are sent again, each in a clone of its own."""
        sent = self._prompts()
        orders = [
            {"cwd": str(self._repository()), "private_dir": str(self._new_folder()), "prompt": prompt, "subtask": name}
            for name, prompt in list(sent.items())[:subtasks]
        ]
        lines = "\n".join(json.dumps(order) for order in orders)
        return self._taken([str(Path(__file__).with_name("bare.py")), str(self._parallel)], self._folder, lines)

    def _taken(self, command: list[str], folder: Path, stdin: str = "") -> Taken:
        before, asked, started = _cpu_of_children(), len(self._server.requests), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=self._env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.perf_counter() - started
        if done.returncode or self._server.unmatched:
            sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
        return Taken(wall, _cpu_of_children() - before, len(self._server.requests) - asked)

    def _prompts(self) -> dict[str, str]:
        first = (request for request in self._server.requests if not request.tool_results)
        return {request.labels["subtask"]: request.last_text for request in first}

    def _repository(self) -> Path:
        root = self._new_folder()
        (root / "README.md").write_text("Nothing here yet.\n")
        git = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@localhost"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
            subprocess.run([*git, *words], cwd=root, env=self._env, check=True)
        return root

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))


def planned(subtasks: int) -> Iterator[dict[str, Any]]:
    """Independent subtasks, each of one file and a check that costs nothing."""
    for n in range(subtasks):
        yield {
            "id": f"file-{n}",
            "title": f"Write file {n}",
            "instructions": f"Write file-{n}.txt.",
            "kind": "implement",
            "complexity": "simple",
            "agent": "execute",
            "files": [f"file-{n}.txt"],
            "checks": [f"test -f file-{n}.txt"],
        }


def scenario(delay: float) -> str:
    """Four turns, each after `delay` seconds: write, read, edit, answer."""
    file = "{cwd}/file.txt"
    calls = [
        {"tool": "Write", "input": {"file_path": file, "content": "one\n"}},
        {"tool": "Read", "input": {"file_path": file}},
        {"tool": "Edit", "input": {"file_path": file, "old_string": "one", "new_string": "two"}},
    ]
    rules = []
    for plan in planned(99):
        own = json.loads(json.dumps(calls).replace("file.txt", plan["files"][0]))
        turns = [*({"calls": [call], "delay": delay} for call in own), {"answer": DONE, "delay": delay}]
        rules.append({"when": {"subtask": plan["id"]}, "times": "*", "turns": turns})
    return json.dumps({"name": "overhead", "rules": rules})


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(ours: list[Taken], theirs: list[Taken], subtasks: int) -> None:
    """Medians, and what is between them."""
    for name, taken in (("agentflow run", ours), ("bare query()", theirs)):
        walls = ", ".join(f"{one.wall:.2f}" for one in taken)
        cpu, requests = statistics.median(one.cpu for one in taken), taken[0].requests
        print(f"  {name:<14} wall {walls} s   cpu {cpu:.1f} s   {requests} requests")
    wall, bare = (statistics.median(one.wall for one in taken) for taken in (ours, theirs))
    cpu, bare_cpu = (statistics.median(one.cpu for one in taken) for taken in (ours, theirs))
    print(f"per attempt: {(wall - bare) / subtasks:+.3f} s on the clock, {(cpu - bare_cpu) / subtasks:+.3f} s cpu")
    print(f"ratio of median wall times {wall / bare:.3f} (target: at most {TARGET})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subtasks", type=int, default=8)
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--delay", type=float, default=DELAY_S, help="seconds the model takes for each of four turns")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="agentflow-bench-") as folder,
        ThreadedReplay(parse_scenario(scenario(args.delay))) as server,
    ):
        bench = Bench(Path(folder), server, args.parallel)
        bench.agentflow(args.subtasks)
        bench.bare(args.subtasks)
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(bench.agentflow(args.subtasks))
            theirs.append(bench.bare(args.subtasks))
        print(
            f"{args.subtasks} subtasks, {args.parallel} at a time, 4 model turns of {args.delay} s;"
            f" {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {args.rounds} rounds after one to warm up"
        )
        report(ours, theirs, args.subtasks)


if __name__ == "__main__":
    main()
