"""A person's git acts, chosen by seed, between any two steps of a run: nothing that landed may be lost unsaid.

The run's own story is carried out (`workflows/plan_execute.py`, its trains, its branch, real git, a real ledger); in
the place of the engine, agents and checks stand scripted ones, so that a sequence takes about a second. Each is held
against one sentence: every landed change is on the branch exactly once, or the run says that it is not successful.

    python benchmarks/monkey.py --sequences 300
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import unwrap
from pathlib import Path
from typing import Any

SUBTASKS = ("cup", "pot", "tea", "jam")
#: A run that stops is resumed so often, the person having put the branch back.
MOST_RESUMES = 4
ACTS_PER_SEQUENCE = 8


@dataclass
class Outcome:
    """What became of one sequence. `fault` is empty where the sentence held."""

    seed: int
    acts: list[str]
    status: str
    stops: list[str] = field(default_factory=list)
    fault: str = ""


class Person:
    """Somebody at work in the same repository, with plain git and now and then on the run's branch."""

    def __init__(self, root: Path, branch: str, chance: random.Random) -> None:
        self.root, self.branch, self.chance = root, branch, chance
        self.other = root.parent / "theirs"
        self.done: list[str] = []
        self._n = 0
        self.busy = False

    def git(self, *words: str, at: Path | None = None, check: bool = False) -> subprocess.CompletedProcess[str]:
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words]
        return subprocess.run(command, cwd=at or self.root, capture_output=True, text=True, check=check)

    def act(self) -> None:
        """One act; those on the run's branch need one."""
        acts: list[Callable[[], object]] = [self.commits_on_main, self.stashes, self.prunes, self.collects, self.tags]
        acts += [self.fetches, self.repacks]
        if self.tip():
            acts += 2 * [
                *(self.commits_on_it, self.amends_it, self.rebases_it, self.checks_it_out, self.moves_it_back),
                *(self.moves_it_to_main, self.deletes_it, self.reverts_it, self.squashes_it, self.drops_one),
            ]
        act = self.chance.choice(acts)
        self._n += 1
        self.done.append(act.__name__)
        act()

    def tip(self) -> str:
        return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}").stdout.strip()

    def _on_it(self, *commands: Sequence[str]) -> None:
        """On the run's branch in a worktree of the person's own, which is left right after."""
        self.git("worktree", "add", "-q", "--force", str(self.other), self.branch)
        for words in commands:
            self.git(*words, at=self.other)
        for unfinished in ("rebase", "cherry-pick", "revert"):
            self.git(unfinished, "--abort", at=self.other)
        self.leave()

    def leave(self) -> None:
        self.git("worktree", "remove", "--force", str(self.other))

    def _file(self, at: Path, name: str) -> None:
        (at / name).write_text(f"act {self._n}\n")
        self.git("add", name, at=at)

    def commits_on_main(self) -> None:
        self._file(self.root, f"mine-{self._n}.txt")
        self.git("commit", "-qm", f"Mine {self._n}")

    def stashes(self) -> None:
        (self.root / "README").write_text(f"half a thought {self._n}\n")
        self.git("stash", "push", "-q")

    def prunes(self) -> None:
        self.git("worktree", "prune")

    def collects(self) -> None:
        self.git("gc", "-q")

    def repacks(self) -> None:
        self.git("repack", "-adq")

    def tags(self) -> None:
        self.git("tag", f"mine-{self._n}")

    def fetches(self) -> None:
        self.git("fetch", "-q", ".", "main:refs/remotes/origin/main")

    def commits_on_it(self) -> None:
        self.git("worktree", "add", "-q", "--force", str(self.other), self.branch)
        if self.other.exists():
            self._file(self.other, f"mend-{self._n}.txt")
            self.git("commit", "-qm", f"Mend {self._n}", at=self.other)
        if self.chance.random() < 0.7:
            self.leave()

    def amends_it(self) -> None:
        self._on_it(
            ("commit", "-q", "--amend", "--allow-empty", "--no-edit", "--date", f"{1_700_000_000 + self._n} +0")
        )

    def rebases_it(self) -> None:
        self.commits_on_main()
        self._on_it(("rebase", "-q", "main"))

    def squashes_it(self) -> None:
        """Everything since main in one commit of the person's own words."""
        base = self.git("merge-base", "main", self.branch).stdout.strip()
        self._on_it(("reset", "-q", "--soft", base), ("commit", "-qm", f"All of it {self._n}"))

    def drops_one(self) -> None:
        """And commits something else instead."""
        self._on_it(("reset", "-q", "--hard", "HEAD~1"), ("commit", "-q", "--allow-empty", "-m", f"Instead {self._n}"))

    def reverts_it(self) -> None:
        self._on_it(("revert", "--no-edit", "HEAD"))

    def checks_it_out(self) -> None:
        """And stays there for a while."""
        self.git("worktree", "add", "-q", "--force", str(self.other), self.branch)

    def moves_it_back(self) -> None:
        self.git("branch", "-f", self.branch, f"{self.branch}~1")

    def moves_it_to_main(self) -> None:
        self.git("branch", "-f", self.branch, "main")

    def deletes_it(self) -> None:
        self.git("branch", "-D", self.branch)


class Checks:
    """In the prover's place: `has FILE` passes where the commit has the file, and names one test after it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[tuple[str, str], Any] = {}

    def _git(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=self._root, capture_output=True, text=True, check=False)

    async def prove(self, commit: str, commands: Sequence[str], *_: Any, **__: Any) -> Any:
        from agentflow.domain.evidence import CheckResult, Evidence, TestOutcomes

        tree = self._git("rev-parse", f"{commit}^{{tree}}").stdout.strip()
        names = set(self._git("ls-tree", "--name-only", tree).stdout.split())
        for command in dict.fromkeys(commands):
            file = command.removeprefix("has ")
            ok = file in names
            tests = TestOutcomes(passed=(f"{file}::is",)) if ok else TestOutcomes(failed=(f"{file}::is",))
            self._known[tree, command] = CheckResult(command, int(not ok), 0.0, tests)
        return Evidence(tree, tuple(self._known[tree, command] for command in dict.fromkeys(commands)))

    async def known(self, commit: str, commands: Sequence[str]) -> Any:
        from agentflow.domain.evidence import Evidence

        tree = self._git("rev-parse", f"{commit}^{{tree}}").stdout.strip()
        found = (self._known.get((tree, command)) for command in dict.fromkeys(commands))
        return Evidence(tree, tuple(result for result in found if result))


class Story:
    """One run in the engine's place: workflows run as they are started, finished steps are read back on a resume."""

    def __init__(self, context: Any, chance: random.Random, between: Callable[[], None]) -> None:
        self.context, self._chance, self._between = context, chance, between
        self._recorded: dict[str, Any] = {}
        self._started: dict[str, Callable[[], Awaitable[Any]]] = {}
        self._name = ""

    async def step(self, _: str, name: str, returns: Any, work: Any, *args: Any) -> Any:
        from agentflow.domain.codec import decode, encode

        if name not in self._recorded:
            self._between()
            self._recorded[name] = encode(await work(self.context, *args))
            if name != "finish":  # what is done after that is done to a run that is over
                self._between()
        return decode(returns, self._recorded[name])

    def named(self, name: str) -> Any:
        from contextlib import nullcontext

        self._name = name
        return nullcontext()

    async def enqueue_workflow_async(self, _: str, workflow: Any, given: Any) -> Any:
        from types import SimpleNamespace

        name = self._name
        if name not in self._started:
            run = self.attempt if workflow.__name__ == "attempt" else unwrap(workflow)
            self._started[name] = lambda: run(given)

        async def get_result(**_: Any) -> Any:
            return self._recorded[f"result of {name}"]

        return SimpleNamespace(workflow_id=name, get_result=get_result)

    async def wait_first_async(self, handles: Sequence[Any], **_: Any) -> Any:
        """Which ends first is chance; recorded, as the engine does."""
        turn = f"turn {self._turn}"
        self._turn += 1
        if turn not in self._recorded:
            self._recorded[turn] = self._chance.choice([handle.workflow_id for handle in handles])
        name = self._recorded[turn]
        if f"result of {name}" not in self._recorded:
            self._recorded[f"result of {name}"] = await self._started[name]()
        return next(handle for handle in handles if handle.workflow_id == name)

    async def attempt(self, given: Any) -> Any:
        """An attempt that writes its subtask's file onto the commit it was ordered from."""
        from agentflow.domain.attempts import Attempt, Outcome
        from agentflow.domain.codec import decode, encode
        from agentflow.domain.evidence import Proof
        from agentflow.git.commits import put_ref
        from agentflow.workflows.orders import Order

        order, context = decode(Order, given), self.context
        self._between()
        ref = f"refs/agentflow/{order.run}/{order.subtask}/{order.n}"
        content = f"{order.subtask}\n".encode()
        commit = await _with_new_file(context.repository, order.base, f"{order.subtask}.txt", content)
        await put_ref(context.repository, ref, commit)
        checks = (*context.plan.subtask(order.subtask).checks, *context.checks)
        await context.prover.prove(order.base, checks)
        evidence = await context.prover.prove(commit, checks)
        attempt = Attempt(
            *(order.subtask, order.n, order.tier, "model", Outcome.PASSED, 1, "", "", order.base, commit, "Made.", 1.0),
            checks=evidence.results,
            duration_s=0.0,
            proof=Proof.PROVEN,
        )
        context.ledger.put_attempt(order.run, attempt, started_at=time.time())
        self._between()
        return encode(attempt)

    async def carry_out(self) -> str:
        """The run's status. Raises what stops it; called again, it goes on from there."""
        from agentflow.workflows import merge_train, plan_execute

        self._turn = 0
        places = (plan_execute, merge_train)
        kept = [(place, name, getattr(place, name)) for place in places for name in vars(place) if name in _REPLACED]
        try:
            for place, name, _ in kept:
                setattr(place, name, {"step": self.step, "DBOS": self, "SetWorkflowID": self.named,
                                      "context_of": lambda _: self.context}[name])  # fmt: skip
            status: str = await unwrap(plan_execute.execute_run)(self.context.run_id)
            return status
        finally:
            for place, name, value in kept:
                setattr(place, name, value)


_REPLACED = frozenset({"step", "DBOS", "SetWorkflowID", "context_of"})


async def _with_new_file(repository: Any, onto: str, path: str, content: bytes) -> str:
    from agentflow.git.command import git
    from agentflow.git.commits import commit_tree

    oid = (await git(repository.root, "hash-object", "-w", "--stdin", stdin=content)).line
    listed = (await git(repository.root, "ls-tree", "-z", onto)).fields
    entries = [entry for entry in listed if entry.partition("\t")[2] != path] + [f"100644 blob {oid}\t{path}"]
    tree = (await git(repository.root, "mktree", "-z", stdin="".join(f"{e}\0" for e in entries).encode())).line
    return await commit_tree(repository, tree, onto, f"Attempt at {path}")


async def _context(root: Path, folder: Path, ledger: Any) -> Any:
    from agentflow.config.agents import load_agents
    from agentflow.config.settings import load_settings
    from agentflow.domain.attempts import RunStatus
    from agentflow.domain.codec import encode
    from agentflow.domain.plans import Complexity, Kind, Plan, Subtask
    from agentflow.git.checkouts import Checkouts
    from agentflow.git.repository import open_repository
    from agentflow.git.rooms import Rooms
    from agentflow.git.watching import Watch
    from agentflow.models.session import SandboxMode
    from agentflow.store.records import RunRecord
    from agentflow.workflows.context import RunContext

    repository = await open_repository(root)
    subtasks = tuple(
        Subtask(
            *(name, name, "Make it.", Kind.IMPLEMENT, Complexity.SIMPLE, "execute"),
            depends_on=("cup",) if name == "jam" else (),
            files=(f"{name}.txt",),
            checks=(f"has {name}.txt",),
            acceptance=(),
        )
        for name in SUBTASKS
    )
    run_id, settings = "monkey", load_settings(root, {}, {})
    ledger.create_run(
        RunRecord(
            run_id, root, repository.common_dir, "Make them", RunStatus.RUNNING, repository.head, f"agentflow/{run_id}",
            time.time(), spec={"checks": ["has README"]}, plan=encode(Plan("Make them", (), subtasks)),
        )
    )  # fmt: skip
    nobody: Any = None
    return RunContext(
        run_id=run_id, goal="Make them", base=repository.head, branch=f"agentflow/{run_id}", repository=repository,
        settings=settings, flags={}, agents=load_agents(root), ledger=ledger, desk=nobody, prover=Checks(root),  # type: ignore[arg-type]
        gate=nobody, watch=Watch(repository, print, sandboxed=False), rooms=Rooms(repository, Checkouts()),
        folder=folder, sandbox=SandboxMode.GUARDED, rules="",
    )  # fmt: skip


def sequence(seed: int) -> Outcome:
    """Carry one run out beside a person whose acts this seed chooses."""
    from agentflow.errors import AgentflowError
    from agentflow.git.run_refs import tip_ref
    from agentflow.report.summary import summary_text
    from agentflow.store.ledger import open_ledger

    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="agentflow-monkey-") as name:
        folder = Path(name).resolve()
        os.environ.update({f"AGENTFLOW_{what}_DIR": str(folder / what) for what in ("CACHE", "CONFIG")})
        root = folder / "repo"
        root.mkdir()
        person = Person(root, "agentflow/monkey", chance)
        person.git("init", "-q", "-b", "main", check=True)
        (root / "README").write_text("Nothing here yet.\n")
        person.git("add", ".", check=True)
        person.git("commit", "-qm", "Start", check=True)

        def between() -> None:
            if len(person.done) < ACTS_PER_SEQUENCE and chance.random() < 0.12:
                person.act()

        outcome = Outcome(seed, person.done, "")
        with open_ledger(folder / "ledger.db") as ledger:
            context = asyncio.run(_context(root, folder, ledger))
            story = Story(context, chance, between)
            for _ in range(MOST_RESUMES + 1):
                try:
                    outcome.status = asyncio.run(story.carry_out())
                    break
                except AgentflowError as stop:
                    outcome.status, said = "stopped", f"{stop.message} ({stop.hint})"
                    outcome.stops.append(said)
                    person.leave()
                    person.git("branch", "-f", person.branch, person.git("rev-parse", tip_ref("monkey")).stdout.strip())
            record, told = ledger.run("monkey"), summary_text(ledger, "monkey")
            landed = [row.id for row in ledger.subtasks("monkey") if row.status.value in {"merged", "unproven"}]
            outcome.fault = _fault(person, outcome, record, landed, told)
    return outcome


def _fault(person: Person, outcome: Outcome, record: Any, landed: Sequence[str], told: str) -> str:
    """What the sentence is broken by."""
    if outcome.status != "succeeded":
        return "" if outcome.status == "failed" or outcome.stops else "not successful, without a word"
    kept_at = record.spec.get("kept_at")
    where = kept_at or f"refs/heads/{person.branch}"
    names = person.git("ls-tree", "--name-only", where).stdout.split()
    has_it = person.git("merge-base", "--is-ancestor", record.head, where).returncode == 0
    times = {name: _times(person, where, f"{name}.txt") for name in SUBTASKS}
    faults = {
        f"succeeded with {landed}": set(landed) != set(SUBTASKS),
        f"the result is at {kept_at}, without a word": bool(kept_at) and str(kept_at) not in told,
        f"{where} does not have {record.head}": not has_it,
        f"lost, there are only {names}": not {f"{name}.txt" for name in SUBTASKS} <= set(names),
        f"not there exactly once: {times}": set(times.values()) != {1},
    }
    return "; ".join(fault for fault, is_so in faults.items() if is_so)


def _times(person: Person, where: str, file: str) -> int:
    """How often the file was added along the branch, less how often it was taken away."""
    asked = ("log", "--no-renames", "--format=%H", where)
    added, gone = (person.git(*asked, f"--diff-filter={kind}", "--", file).stdout.split() for kind in "AD")
    return len(added) - len(gone)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--sequences", type=int, default=300)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    chosen = options.parse_args()
    began, ends, acts = time.monotonic(), Counter[str](), Counter[str]()
    faults = []
    for seed in range(chosen.first, chosen.first + chosen.sequences):
        outcome = sequence(seed)
        ends[outcome.status + (" after a stop" if outcome.stops and outcome.status != "stopped" else "")] += 1
        acts.update(outcome.acts)
        if outcome.fault:
            faults.append(outcome)
            print(f"seed {seed}: {outcome.fault}; acts: {', '.join(outcome.acts)}; stops: {outcome.stops}", flush=True)
    told: Mapping[str, int] = dict(sorted(ends.items()))
    seconds = time.monotonic() - began
    print(f"{chosen.sequences} sequences, {sum(acts.values())} acts of {len(acts)} kinds in {seconds:.0f} s")
    print("ended: " + ", ".join(f"{n} {status}" for status, n in told.items()))
    print(f"lost or falsely successful: {len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
