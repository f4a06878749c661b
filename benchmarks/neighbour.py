"""Runs beside each other in one repository, with a person at work in it for the whole time.

Agents answer at once (`instant.py`). The person commits, rebases, stashes, checks the runs' branches out, fetches,
prunes worktrees, collects garbage and repacks, in an order that the seed gives. In the end every run must have put what
its subtasks wrote onto its branch, once each and nothing else, or have said why not and do it when it is resumed; no
command of the person's may have failed; and of worktrees, entries, refs and processes nothing may be left but the
branches and the attempts' commits.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import instant
from instant import DROPPED, JUDGED, Machine, in_a_folder, planned

#: A run that goes on for longer hangs.
MOST_S = 1800
#: Seconds that the person takes between two commands, at the most.
PAUSE_S = 0.3


@dataclass
class Person:
    """Somebody at work in the repository until told to go home."""

    root: Path
    env: dict[str, str]
    seed: str
    acts: tuple[str, ...]
    failed: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._home = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._home.set()
        self._thread.join()

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=self.env, capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode:
            self.failed.append(f"git {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _work(self) -> None:
        n = 0
        while not self._home.is_set():
            n += 1
            act = self._chance.choice(self.acts)
            self.done[act] += 1
            getattr(self, f"_{act}")(n)
            self._home.wait(self._chance.random() * PAUSE_S)

    def _note(self, n: int, name: str = "notes.txt") -> None:
        with (self.root / name).open("a") as file:
            file.write(f"thought {n}\n")
        self.git("add", name)

    def _commit(self, n: int) -> None:
        self._note(n)
        self.git("commit", "-qm", f"Note {n}")

    def _amend(self, n: int) -> None:
        """What a run may have started from is on no branch any more."""
        self._note(n)
        self.git("commit", "-q", "--amend", "-m", f"Note {n}, thought over")

    def _rebase(self, n: int) -> None:
        self.git("checkout", "-qb", f"topic-{n}", "HEAD")
        self._note(n, "topic.txt")
        self.git("commit", "-qm", f"Topic {n}")
        self.git("checkout", "-q", "main")
        self._commit(n)
        self.git("rebase", "-q", "main", f"topic-{n}")
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--ff-only", f"topic-{n}")
        self.git("branch", "-q", "-d", f"topic-{n}")

    def _stash(self, n: int) -> None:
        self._note(n)
        self.git("stash", "-q")
        self.git("stash", "pop", "-q")
        self.git("reset", "-q", "--hard")

    def _look(self, _: int) -> None:
        """At a run's branch, in the person's own checkout."""
        names = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/agentflow").split()
        if names:
            self.git("checkout", "-q", self._chance.choice(names))
            self._home.wait(self._chance.random())
            self.git("status", "--short")
            self.git("checkout", "-q", "main")

    def _read(self, _: int) -> None:
        """But for `fsck`: it stops at a worktree that anybody removes while it reads."""
        for words in (["log", "--oneline", "--all", "-n", "5"], ["branch", "-a", "-v"], ["worktree", "list"]):
            self.git(*words)

    def _fetch(self, _: int) -> None:
        self.git("push", "-q", "--force", "origin", "main")
        self.git("fetch", "-q", "--prune", "origin")

    def _prune(self, _: int) -> None:
        self.git("worktree", "prune")

    def _gc(self, _: int) -> None:
        self.git("gc", "-q")

    def _gc_now(self, _: int) -> None:
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "-q", "--prune=now")

    def _repack(self, _: int) -> None:
        self.git("repack", "-a", "-d", "-q")


ACTS = ("commit", "amend", "rebase", "stash", "look", "read", "fetch", "prune", "gc", "gc_now", "repack")


@dataclass
class Street:
    """One repository with its neighbours."""

    machine: Machine
    subtasks: int

    def __post_init__(self) -> None:
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in DROPPED},
            **self.machine.env,
            **{f"GIT_{role}_{what}": f"p@{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        self.machine.git("branch", "-M", "main")
        self.machine.git("init", "-q", "--bare", "-b", "main", str(self.machine.folder / "origin.git"))
        self.machine.git("remote", "add", "origin", str(self.machine.folder / "origin.git"))
        self.machine.git("push", "-q", "origin", "main")
        self.plan = self.machine.folder / "plan.yaml"
        self.plan.write_text(json.dumps({"summary": "Write files.", "subtasks": planned(self.subtasks)}))

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, instant.__file__, *words, "--yes", "--quiet"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.machine.root, env=self.env, **pipes)

    def run(self, runs: int) -> Iterator[str]:
        """Carry the runs through; says what went wrong."""
        begun = [self.start("run", "--plan", str(self.plan)) for _ in range(runs)]
        for process in begun:
            _, said = process.communicate(timeout=MOST_S)
            for line in said.splitlines():
                if line.startswith(JUDGED):
                    print(line, flush=True)
            if process.returncode:
                print(f"a run ended with {process.returncode}: {_reason(said)}", flush=True)
            if process.returncode and not _reason(said):
                yield f"a run ended with {process.returncode} without a word: {said}"

    def resume(self) -> Iterator[str]:
        """Carry on with what stopped, the person's work over."""
        for run in self.listed():
            if run["status"] not in ("succeeded", "failed"):
                process = self.start("resume", run["run_id"])
                _, said = process.communicate(timeout=MOST_S)
                if process.returncode:
                    yield f"resume ended with {process.returncode}: {said}"

    def listed(self) -> list[dict[str, str]]:
        process = subprocess.run(
            [sys.executable, instant.__file__, "runs", "list", "--json"],
            cwd=self.machine.root,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        found: list[dict[str, str]] = json.loads(process.stdout)["runs"]
        return found

    def wrong(self, expected: int) -> Iterator[str]:
        """What is not as it should be when all is over."""
        git, runs = self.machine.git, self.listed()
        if len(runs) != expected:
            yield f"{len(runs)} runs are listed, not {expected}"
        files = sorted(f"file-{n}.txt" for n in range(self.subtasks))
        for run in runs:
            branch = self._kept(run["run_id"]) or run["branch"]
            if run["status"] != "succeeded":
                yield f"run {run['run_id']} is {run['status']}"
                continue
            told = f"--grep=^Agentflow-Run: {run['run_id']}$"
            listed = git("log", "--format=", "--name-only", told, branch).split()
            if sorted(listed) != files:
                yield f"{branch} changes {listed}, not {files} once each"
            wrong = [file for file in files if git("show", f"{branch}:{file}") != "good\n"]
            if wrong:
                yield f"{branch} has something else in {wrong}"
        yield from self._left([run["run_id"] for run in runs])

    def _kept(self, run_id: str) -> str:
        """Where the result is of a run whose branch the person had checked out when it ended; empty for the branch."""
        return self.machine.git("for-each-ref", "--format=%(refname)", f"refs/agentflow/{run_id}/_tip").strip()

    def _left(self, runs: list[str]) -> Iterator[str]:
        git, common = self.machine.git, self.machine.root / ".git"
        refs = git("for-each-ref", "--format=%(refname)").split()
        attempts = {f"refs/agentflow/{run}/file-{n}/" for run in runs for n in range(self.subtasks)}
        known = {"refs/heads/main", "refs/remotes/origin/main", *(f"refs/heads/agentflow/{run}" for run in runs)}
        known |= {f"refs/agentflow/{run}/_tip" for run in runs}
        odd = [ref for ref in refs if ref not in known and f"{ref.rpartition('/')[0]}/" not in attempts]
        if odd:
            yield f"refs are left: {odd}"
        if len(git("worktree", "list").splitlines()) != 1 or (common / "worktrees").exists():
            yield f"worktrees are left: {git('worktree', 'list')}"
        if files := [path.name for path in common.iterdir() if path.name.startswith("agentflow-entry")]:
            yield f"files are left: {files}"
        if folders := list((self.machine.folder / "cache" / "worktrees").glob("*/*")):
            yield f"folders are left: {folders}"
        if processes := [line for line in _processes() if str(self.machine.folder) in line]:
            yield f"processes are left: {processes}"
        if said := git("fsck", "--strict", "--no-dangling"):
            yield f"fsck says {said}"
        if said := git("status", "--short"):
            yield f"the checkout is not as it was: {said}"


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith(("error:", "hint:"))]
    return "" if "internal error" in said else "; ".join(lines)


def _processes() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def once(seed: str, runs: int, subtasks: int, acts: tuple[str, ...]) -> list[str]:
    with in_a_folder() as folder:
        street, started = Street(Machine(Path(folder).resolve()), subtasks), time.monotonic()
        with Person(street.machine.root, street.env, seed, acts) as person:
            wrong = list(street.run(runs))
        wrong += [*street.resume(), *street.wrong(runs), *person.failed]
    done = ", ".join(f"{act} {count}" for act, count in sorted(person.done.items()))
    print(f"seed {seed}: {runs} runs of {subtasks} in {time.monotonic() - started:.0f} s beside {done}", flush=True)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--subtasks", type=int, default=4)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", default="neighbour")
    parser.add_argument("--acts", nargs="*", choices=ACTS, default=ACTS, help="what the person does")
    args = parser.parse_args()
    wrong = list[str]()
    for n in range(args.times):
        wrong += once(f"{args.seed}-{n}", args.runs, args.subtasks, tuple(args.acts))
    print("\n".join(wrong) or "all as it should be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
