"""Merge trains on the real command, with agents that answer at once: what lands together, and what is sent back."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentflow.domain.events import EventKind

INSTANT = Path(__file__).parents[2] / "benchmarks" / "instant.py"


class Trains:
    """A plan in which `b` is being merged for as long as the third train is not complete.

    One attempt is made at a time, so that what passed before the last subtask began waits together. The run's own check
    writes down the files it sees, `own` is what it checks besides.
    """

    def __init__(self, world: Any, tmp_path: Path) -> None:
        self.world = world
        world.env["AGENTFLOW_SANDBOX"] = "off"  # checks tell each other outside how far they are
        self.root = world.repository({"README.md": "Errands.\n"})
        self.plan = world.folder / "plan.yaml"
        self.suite_log, self.places_log = tmp_path / "suite.txt", tmp_path / "places.txt"
        self.complete, self.proved = tmp_path / "complete", tmp_path / "proved"

    def subtask(self, name: str, **changes: Any) -> dict[str, Any]:
        about = {"title": f"Write {name}", "instructions": f"Write {name}.txt.", "kind": "implement"}
        graph = {"complexity": "simple", "agent": "execute", "depends_on": [], "acceptance": []}
        own = {"files": [f"{name}.txt"], "checks": [f"grep -q good {name}.txt"]}
        return {"id": name, **about, **graph, **own, **changes}

    def together(self, *waiting: dict[str, Any], own: str = "true") -> tuple[str, ...]:
        """Arguments of a run in which these subtasks wait for the same train; `a` and `b` land before, `z` later."""
        holds = f"test ! -e a.txt || until test -e {self.complete}; do sleep 0.05; done; grep -q good b.txt"
        last = f"touch {self.complete}; until test -e {self.proved}; do sleep 0.05; done"
        last = f"{last}; ls .. > {self.places_log}; grep -q good z.txt"
        plan = [self.subtask("a"), self.subtask("b", checks=[holds]), *waiting, self.subtask("z", checks=[last])]
        seen = f"echo $(ls *.txt) >> {self.suite_log}"
        marks = f"if test -e a.txt -a -e b.txt -a -e e.txt; then touch {self.proved}; fi"
        return (*self.planned(*plan), "--max-parallel", "1", "--check", f"{seen}; {marks}; {own}")

    def planned(self, *subtasks: dict[str, Any]) -> tuple[str, ...]:
        self.plan.write_text(json.dumps({"summary": "Write.", "assumptions": [], "subtasks": subtasks}))
        return ("run", "--plan", str(self.plan), "--yes")

    def start(self, *args: str, **writes: str) -> Any:
        env = {**self.world.env, "AGENTFLOW_BENCH_WRITES": json.dumps(writes)}
        return self.world.spawn([sys.executable, str(INSTANT), *args, "--json", "--quiet"], self.root, env)

    def ended(self, process: Any) -> Any:
        out, err = process.communicate(timeout=120)
        return SimpleNamespace(code=process.returncode, err=err, document=json.loads(out))

    def run(self, *args: str, **writes: str) -> Any:
        return self.ended(self.start(*args, **writes))

    def landed(self, document: dict[str, Any]) -> list[str]:
        """The subtasks whose commits are on the branch, oldest first."""
        asked = ("log", "--reverse", "--format=%(trailers:key=Agentflow-Subtask,valueonly)")
        return self.world.git(self.root, *asked, f"main..{document['branch']}").split()

    def suites(self) -> Counter[str]:
        """How often the run's own check ran by the files it saw."""
        return Counter(line.replace(".txt", "") for line in self.suite_log.read_text().splitlines())

    def attempts(self, document: dict[str, Any], name: str) -> list[tuple[str, str]]:
        return [(a["tier"], a["outcome"]) for s in document["subtasks"] if s["id"] == name for a in s["attempts"]]


@pytest.fixture
def trains(world: Any, tmp_path: Path) -> Trains:
    return Trains(world, tmp_path)


@pytest.mark.long
def test_three_that_wait_land_by_one_train_with_one_proof_and_settled_worktrees_are_gone(trains):
    ended = trains.run(*trains.together(*map(trains.subtask, "cde")))
    assert (ended.code, ended.document["status"]) == (0, "succeeded"), ended.err
    assert trains.landed(ended.document) == list("abcdez")
    commits = trains.world.git(trains.root, "rev-list", "--reverse", f"main..{ended.document['branch']}").split()
    assert {s["id"]: s["commit"] for s in ended.document["subtasks"]} == dict(zip("abcdez", commits, strict=True))
    suites = trains.suites()
    assert suites["a b c d e"] == 1
    assert suites["a b c"] == suites["a b c d"] == 0
    merges = [(e.kind.value, e.subtask) for e in trains.world.events() if e.kind.startswith("merge_")]
    third = merges[merges.index(("merge_started", "c")) :][:6]
    assert third == [(f"merge_{what}", name) for what in ("started", "finished") for name in "cde"]
    places = trains.places_log.read_text().split()
    assert "z-1" in places
    assert not {"a-1", "b-1"} & set(places)


@pytest.mark.long
def test_the_guilty_one_in_the_middle_of_a_train_is_named_and_sent_back_and_the_others_land(trains):
    own = "! (test -e c.txt && grep -q hostile d.txt)"
    args = trains.together(*map(trains.subtask, "cdef"), own=own)
    ended = trains.run(*args, **{"d/1": "good but hostile to c"})
    assert (ended.code, ended.document["status"]) == (0, "succeeded"), ended.err
    assert trains.landed(ended.document)[:3] == ["a", "b", "c"]
    assert sorted(trains.landed(ended.document)) == list("abcdefz")
    assert trains.attempts(ended.document, "d") == [("haiku", "checks_failed"), ("haiku", "passed")]
    for name in "abcefz":
        assert trains.attempts(ended.document, name) == [("haiku", "passed")], name
    refused = [e.subtask for e in trains.world.events() if e.kind == "merge_finished" and not e.data["merged"]]
    assert refused == ["d"]
    reason = next(s for s in ended.document["subtasks"] if s["id"] == "d")["attempts"][0]["reason"]
    assert reason.startswith("green alone, red on the run's branch: ")


@pytest.mark.long
def test_a_conflict_inside_a_train_is_taken_out_and_resolved_after_it(trains):
    shared = {"files": ["shared.txt"], "checks": ["grep -q good shared.txt"]}
    args = trains.together(trains.subtask("c", **shared), trains.subtask("d", **shared), trains.subtask("e"))
    ended = trains.run(*args, c="good of c", d="good of d", resolver="good of both")
    assert (ended.code, ended.document["status"]) == (0, "succeeded"), ended.err
    landed = trains.landed(ended.document)
    assert landed[:4] == ["a", "b", "c", "e"]
    assert sorted(landed) == list("abcdez")
    assert trains.suites()["a b e shared"] <= 2  # with one side of the conflict, then perhaps with both
    assert trains.world.git(trains.root, "show", f"{ended.document['branch']}:shared.txt") == "good of both"
    assert ended.document["usage"]["by_kind"]["resolve"]["calls"] == 1


@pytest.mark.long
def test_a_run_killed_while_a_train_is_proved_goes_on_with_the_same_train(trains, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    own = f"if test -e a.txt -a -e b.txt -a -e e.txt; then while test -e {hold}; do sleep 0.05; done; fi"
    process = trains.start(*trains.together(*map(trains.subtask, "cde"), own=own))
    trains.world.until(trains.proved.exists, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    trains.world.until(lambda: not trains.world.processes())
    hold.unlink()

    ended = trains.run("resume", "--yes")
    assert (ended.code, ended.document["status"]) == (0, "succeeded"), ended.err
    assert trains.landed(ended.document) == list("abcdez")
    for name in "abcde":
        assert trains.attempts(ended.document, name) == [("haiku", "passed")], name
    again = trains.run("resume", ended.document["run_id"])
    assert (again.code, again.document["head"]) == (0, ended.document["head"])


def built_on_each_other(trains: Trains) -> tuple[str, ...]:
    """`second` rewrites what `first` wrote and promised."""
    first = trains.subtask("first", files=["shared.txt"], checks=["grep -q one shared.txt"])
    second = trains.subtask("second", files=["shared.txt"], checks=["grep -q two shared.txt"], depends_on=["first"])
    between = (trains.subtask(name, depends_on=["first"]) for name in ("third", "fourth"))
    return trains.planned(first, second, *between)


@pytest.mark.long
def test_who_breaks_what_an_earlier_one_promised_is_named_at_the_end_and_mends_it_on_top(trains):
    ended = trains.run(*built_on_each_other(trains), **{"first": "one", "second/1": "two", "second/2": "one two"})
    assert (ended.code, ended.document["status"]) == (0, "succeeded"), ended.err
    assert trains.attempts(ended.document, "second") == [("haiku", "checks_failed"), ("haiku", "passed")]
    reason = next(s for s in ended.document["subtasks"] if s["id"] == "second")["attempts"][0]["reason"]
    assert reason.startswith("merged, but it breaks what first promised: ")
    landed = trains.landed(ended.document)
    assert (landed[0], landed[-1], landed.count("second")) == ("first", "second", 2)
    assert trains.world.git(trains.root, "show", f"{ended.document['branch']}:shared.txt") == "one two"
    finished = [e.subtask for e in trains.world.events() if e.kind is EventKind.SUBTASK_FINISHED]
    assert finished[-1] == "second"


@pytest.mark.long
def test_a_promise_that_stays_broken_fails_the_run_and_says_whose_commit_is_on_the_branch(trains):
    trains.world.no_clone = "a promise is broken on the branch, as the run says"
    ended = trains.run(*built_on_each_other(trains), first="one", second="two")
    assert (ended.code, ended.document["status"]) == (1, "failed"), ended.err
    statuses = {s["id"]: s["status"] for s in ended.document["subtasks"]}
    assert statuses == {"first": "merged", "second": "failed", "third": "merged", "fourth": "merged"}
    tiers = [tier for tier, _ in trains.attempts(ended.document, "second")]
    assert tiers == ["haiku", "haiku", "sonnet", "opus"]
    reason = next(s for s in ended.document["subtasks"] if s["id"] == "second")["reason"]
    assert reason.endswith("an earlier commit of it is on the branch")
