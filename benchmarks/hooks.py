"""How long `agentflow-hook` takes beside an empty Python: medians of alternating runs, all in one go.

The commonest event of all, Bash in the session itself, which no handler has work for; and one that the guard decides
about, a named agent's Bash, once let go and once refused. The targets are multiples of `python -c pass`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 40
HOOK = str(Path(sys.executable).with_name("agentflow-hook"))
AGENT = """\
---
name: tester
description: Runs the tests.
tools: Read, Bash(pytest:*)
agentflow: {tier: haiku}
---

Run the tests.
"""
#: Bytecode is cached, as it is for a user.
DROPPED = ("PYTHONDONTWRITEBYTECODE", "AGENTFLOW_", "CLAUDE")

Case = tuple[list[str], str]


def event(root: Path, name: str, **fields: object) -> str:
    common = {"session_id": "benchmark", "transcript_path": "/dev/null", "cwd": str(root), "hook_event_name": name}
    return json.dumps({**common, **fields})


def bash(root: Path, command: str, **agent: str) -> str:
    return event(root, "PreToolUse", tool_name="Bash", tool_input={"command": command}, **agent)


def cases(root: Path) -> dict[str, Case]:
    """Commands and what they read, by name; `python -c pass` is the measure of all."""
    agent = {"agent_type": "tester", "agent_id": "a1"}
    return {
        "python -S -c pass": ([sys.executable, "-S", "-c", "pass"], ""),
        "python -c pass": ([sys.executable, "-c", "pass"], ""),
        "hook, nothing to do": ([HOOK, "PreToolUse"], bash(root, "pytest -q tests")),
        "hook, guard lets go": ([HOOK, "PreToolUse"], bash(root, "pytest -q tests", **agent)),
        "hook, guard denies": ([HOOK, "PreToolUse"], bash(root, "rm -rf build", **agent)),
    }


TARGETS = {"hook, nothing to do": 1.6, "hook, guard lets go": 2.5, "hook, guard denies": 2.5}


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    places = {name: str(folder / name.lower()) for name in ("AGENTFLOW_STATE_DIR", "AGENTFLOW_CONFIG_DIR")}
    return {**kept, **places, "CLAUDE_CONFIG_DIR": str(folder / "claude")}


def repository(folder: Path) -> Path:
    root = folder / "repository"
    (root / ".git").mkdir(parents=True)
    agents = root / ".claude" / "agents"
    agents.mkdir(parents=True)
    (agents / "tester.md").write_text(AGENT)
    return root


def ran(case: Case, env: dict[str, str]) -> tuple[float, str]:
    """Seconds and what it printed."""
    command, stdin = case
    started = time.perf_counter()
    done = subprocess.run(command, input=stdin, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - started, done.stdout


def measured(chosen: dict[str, Case], env: dict[str, str]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(RUNS):
        for name, case in chosen.items():
            taken[name].append(ran(case, env)[0])
    return taken


def report(taken: dict[str, list[float]]) -> None:
    unit = statistics.median(taken["python -c pass"])
    print(f"{RUNS} alternating runs each after one to warm up, milliseconds; load {os.getloadavg()[0]:.1f}")
    for name, times in taken.items():
        ratio = statistics.median(times) / unit
        target = f"  target {TARGETS[name]}: {'met' if ratio <= TARGETS[name] else 'MISSED'}" if name in TARGETS else ""
        figures = f"median {statistics.median(times) * 1e3:6.1f}  fastest {min(times) * 1e3:6.1f}"
        print(f"  {name:<20} {figures}  {ratio:4.2f} x python -c pass{target}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        chosen, env = cases(repository(folder)), environment(folder)
        said = {case: ran(chosen[case], env)[1] for case in chosen}
        expected = [case for case in chosen if case == "hook, guard denies"]
        if [case for case, output in said.items() if output] != expected:
            sys.exit(f"the hook did not do what is measured here: {said}")
        report(measured(chosen, env))


if __name__ == "__main__":
    main()
