"""Kill runs at random moments, resume them to the end, and see that nothing is lost, doubled or left behind.

Every run plans, does two subtasks in parallel, one of which needs a fix round and a climb, on the real Claude Code CLI
against the replay server. `SIGKILL` hits agentflow at seeded random moments, up to three times a run, resumes included;
all runs share one state directory and one repository. n kills without a failure bound the failure rate at 3/n (95 %).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.domain.events import EventKind
from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import Scenario
from agentflow.replay.server import ThreadedReplay
from agentflow.store.ledger import open_ledger
from agentflow.store.records import RunRecord

KILLS_A_RUN = 3
PATIENCE_S = 30.0
#: A run that is over before its kill shortens the time for the next kills, down to this.
MIN_SPAN_S = 5.0
DROPPED = ("ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "PYTHONDONTWRITEBYTECODE")
#: What runs add to the git directory on purpose.
KEPT = ("objects", "refs", "logs", "agentflow.lock")
DONE = {"answer": {"status": "done", "summary": "Wrote it.", "confidence": 0.95, "blocked_reason": None}}

Label = tuple[str, str, str]


def subtask(name: str) -> dict[str, Any]:
    about = {"title": f"Write {name}", "instructions": f"Write {name}.txt.", "kind": "implement", "agent": "execute"}
    graph = {"complexity": "simple", "depends_on": [], "acceptance": []}
    return {"id": name, **about, **graph, "files": [f"{name}.txt"], "checks": [f"grep -q good {name}.txt"]}


def writes(name: str, text: str, tier: str) -> dict[str, Any]:
    call = {"tool": "Write", "input": {"file_path": f"{{cwd}}/{name}.txt", "content": text}}
    when = {"agent": "execute", "subtask": name, "tier": tier}
    return {"when": when, "times": "*", "turns": [{"calls": [call]}, DONE]}


PLAN = {"summary": "Write two files.", "assumptions": [], "subtasks": [subtask("left"), subtask("right")]}
SCENARIO = {
    "name": "kill-campaign",
    "rules": [
        {"when": {"agent": "planner"}, "times": "*", "turns": [{"answer": PLAN}]},
        writes("left", "good\n", "haiku"),
        writes("right", "bad\n", "haiku"),
        writes("right", "good\n", "sonnet"),
    ],
}


class Failure(Exception):  # noqa: N818  a finding of the campaign, not an error of it
    """An invariant that did not hold."""


def expect(*, holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)


class Machine:
    """A user's machine in a folder, with one repository and the server that answers for the models."""

    def __init__(self, folder: Path, server: ThreadedReplay) -> None:
        self.folder, self.server, self.root = folder, server, folder / "repo"
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
        (folder / "home").mkdir()
        self.root.mkdir()
        (self.root / "README.md").write_text("Campaign.\n")
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Start")
        self.before = self.surroundings()

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.root, env=self._env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def start(self, *args: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "agentflow", *args, "--json", "--quiet"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.root, env=self._env, text=True, start_new_session=True, **pipes)

    def newest_run(self) -> RunRecord | None:
        with open_ledger(self.folder / "state" / "ledger.db") as ledger:
            return next(iter(ledger.runs(limit=1)), None)

    def surroundings(self) -> dict[str, bytes]:
        """The user's checkout and git directory, but for what runs add on purpose."""
        files = {str(path): path.read_bytes() for path in self._files() if path.is_file()}
        return {**files, **{str(path): b"" for path in self._files() if path.is_dir()}}

    def _files(self) -> Iterator[Path]:
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root).parts
            if name[0] != ".git" or (len(name) > 1 and name[1] not in KEPT):
                yield path

    def processes(self) -> list[str]:
        """Command lines of live processes that were given this folder, or work in it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                given = line.encode() + (process / "environ").read_bytes() + bytes((process / "cwd").readlink())
            except OSError:
                continue
            if line and process.name != str(os.getpid()) and bytes(self.folder) in given:
                found.append(line)
        return found


class Trial:
    """One run: killed, resumed, killed again, resumed to the end."""

    def __init__(self, machine: Machine, seed: int, span_s: float) -> None:
        self._machine = machine
        self._random = random.Random(seed)
        #: Seconds within which the next kill comes.
        self.span_s = span_s
        self._known = {run.id} if (run := machine.newest_run()) else set()
        self._may_be_lost: Counter[Label] = Counter()
        self._finished: dict[Label, int] = {}
        self.phases: list[str] = []

    def carry_out(self, wanted: str, kills: int) -> None:
        """Raises Failure. `wanted` is the tree that the run's branch must have in the end."""
        for _ in range(kills):
            process, started = self._start(), time.monotonic()
            if not self._kill(process, self._random.uniform(0.1, self.span_s)):
                self.span_s = min(self.span_s, time.monotonic() - started)
                break
            self._look_around()
        ended = self._finish()
        self._examine(ended, wanted)

    @property
    def _run(self) -> RunRecord | None:
        run = self._machine.newest_run()
        return None if run is None or run.id in self._known else run

    def _start(self) -> subprocess.Popen[str]:
        run = self._run
        return self._machine.start(*(["resume", run.id] if run else ["run", "Write two files"]), "--yes")

    def _kill(self, process: subprocess.Popen[str], after_s: float) -> bool:
        """False when the run was over before."""
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def _look_around(self) -> None:
        """What must hold after a kill, before anybody has tidied up."""
        deadline = time.monotonic() + PATIENCE_S
        while left := self._machine.processes():
            expect(holds=time.monotonic() < deadline, otherwise=f"left running: {left}")
            time.sleep(0.05)
        for database in (self._machine.folder / "state").rglob("*.db"):
            with sqlite3.connect(database) as connection:
                expect(holds=sound(connection), otherwise=f"{database} is damaged")
            connection.close()
        self._note_progress()

    def _note_progress(self) -> None:
        run = self._run
        if run is None:
            self.phases.append("before the run")
            return
        with open_ledger(self._machine.folder / "state" / "ledger.db") as ledger:
            events, calls = ledger.events(run.id), ledger.calls(run.id)
        self.phases.append(events[-1].kind.value if events else "before the run")
        self._may_be_lost.update((run.id, c.subtask, str(c.attempt)) for c in calls if c.outcome is None)
        done = {(run.id, e.subtask, str(e.attempt)) for e in events if e.kind is EventKind.ATTEMPT_FINISHED}
        if any(event.kind is EventKind.PLAN_READY for event in events):
            done.add((run.id, "-", "1"))
        for label in done:
            self._finished.setdefault(label, self._asked()[label])

    def _asked(self) -> Counter[Label]:
        return Counter(label_of(request) for request in self._machine.server.requests)

    def _finish(self) -> dict[str, Any]:
        process = self._start()
        out, err = process.communicate(timeout=300)
        expect(holds=process.returncode == 0, otherwise=f"resume ended with {process.returncode}: {out}\n{err}")
        document: dict[str, Any] = json.loads(out)
        return document

    def _examine(self, ended: dict[str, Any], wanted: str) -> None:
        machine, run_id = self._machine, ended["run_id"]
        expect(holds=ended["status"] == "succeeded", otherwise=f"status {ended['status']}")
        tree = machine.git("rev-parse", f"{ended['branch']}^{{tree}}")
        expect(holds=tree == wanted, otherwise=f"tree {tree}, not {wanted}")
        expect(holds=machine.surroundings() == machine.before, otherwise=f"changed: {self._changes()}")
        expect(holds=not machine.git("fsck", "--strict", "--no-dangling"), otherwise="git fsck complains")
        expect(holds=not machine.processes(), otherwise=f"left running: {machine.processes()}")
        asked = self._asked()
        again = {label: asked[label] for label, count in self._finished.items() if asked[label] != count}
        expect(holds=not again, otherwise=f"finished, and asked again: {again}")
        self._compare_bill(run_id, asked)
        before = len(machine.server.requests)
        second = machine.start("resume", run_id)
        out, err = second.communicate()
        same = second.returncode == 0 and json.loads(out)["head"] == ended["head"]
        expect(holds=same and len(machine.server.requests) == before, otherwise=f"a second resume did something: {err}")

    def _compare_bill(self, run_id: str, asked: Counter[Label]) -> None:
        """Nothing is booked twice; what was answered in the very moment of a kill may be missing."""
        booked: Counter[Label] = Counter()
        with open_ledger(self._machine.folder / "state" / "ledger.db") as ledger:
            for call in ledger.calls(run_id):
                booked[(run_id, call.subtask, str(call.attempt))] += call.requests
        self.lost = 0
        for label in (label for label in asked if label[0] == run_id):
            missing = asked[label] - booked[label]
            bounds = f"{label}: {asked[label]} asked, {booked[label]} booked, {self._may_be_lost[label]} may be lost"
            expect(holds=0 <= missing <= self._may_be_lost[label], otherwise=bounds)
            self.lost += missing

    def _changes(self) -> list[str]:
        before, after = self._machine.before, self._machine.surroundings()
        return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def sound(connection: sqlite3.Connection) -> bool:
    return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def label_of(request: ReplayRequest) -> Label:
    labels = request.labels
    return labels["run"], labels["subtask"], labels["attempt"]


def control(machine: Machine) -> tuple[str, float]:
    """An uninterrupted run: the tree that all others must give, and how long it takes."""
    started = time.monotonic()
    process = machine.start("run", "Write two files", "--yes")
    out, err = process.communicate()
    if process.returncode:
        sys.exit(f"the control run failed: {err}")
    return machine.git("rev-parse", f"{json.loads(out)['branch']}^{{tree}}"), time.monotonic() - started


def campaign(machine: Machine, kills: int, seed: int) -> int:
    """Prints what happened; returns the number of failures."""
    wanted, span_s = control(machine)
    print(f"control: {span_s:.1f} s, tree {wanted[:12]}", flush=True)
    phases: Counter[str] = Counter()
    failures, lost = [], 0
    while sum(phases.values()) < kills:
        trial = Trial(machine, seed, span_s)
        try:
            trial.carry_out(wanted, min(KILLS_A_RUN, kills - sum(phases.values())))
            lost, span_s = lost + trial.lost, max(MIN_SPAN_S, trial.span_s)
        except Failure as failure:
            failures.append(seed)
            print(f"seed {seed} FAILED after {trial.phases}: {failure}", flush=True)
        phases.update(trial.phases)
        print(f"seed {seed}: killed at {', '.join(trial.phases) or 'nothing'}", flush=True)
        seed += 1
    total = sum(phases.values())
    print(f"{total} kills, {len(failures)} failures (seeds {failures}); {len(machine.server.unmatched)} unmatched")
    print(f"answers that came in the moment of a kill and are not in the ledger: {lost}")
    print("last event before the kill: " + ", ".join(f"{name} {count}" for name, count in phases.most_common()))
    print(f"without a failure, {total} kills bound the rate at {3 / max(total, 1):.1%} (95 %)")
    return len(failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further run takes the next")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ThreadedReplay(Scenario.model_validate(SCENARIO)) as server:
        failures = campaign(Machine(Path(folder).resolve(), server), given.kills, given.seed)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
