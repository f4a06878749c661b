"""Kill it anywhere: what is recorded as done is never paid for again, and nothing is left behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import EventKind

pytestmark = [
    pytest.mark.cli,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc"),
]

#: What a run adds to the git directory on purpose.
KEPT = ("objects", "refs", "logs", "agentflow.lock")


class Scene:
    """One run that is interrupted, and everything that has to hold afterwards."""

    def __init__(self, world, errand, server) -> None:
        self.world, self.errand, self.server = world, errand, server
        self.checkout = self._checkout()
        self.git_names = self._git_names()

    def start(self, *args: str):
        return self.world.start(self.errand.root, *args, "--yes", "--json", replay=self.server)

    def resume(self, *args: str):
        return self.world.agentflow(self.errand.root, "resume", "--json", *args, replay=self.server)

    def saw(self, kind: EventKind, subtask: str = "-") -> Callable[[], bool]:
        return lambda: any((event.kind, event.subtask) == (kind, subtask) for event in self.world.events())

    def kill(self, process) -> None:
        """As a power cut would: no chance to clean up. Waits until the last orphan is gone."""
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        self.world.until(lambda: not self.world.processes())

    def is_sleeping(self) -> bool:
        """Whether an agent's command is under way."""
        return "sleep 300" in (line.strip() for line in self.world.processes().values())

    def ended(self, process) -> Any:
        """What a started command gave in the end."""
        out, err = process.communicate()
        return SimpleNamespace(code=process.returncode, err=err, json=json.loads(out))

    def status(self) -> str:
        listed = self.world.agentflow(self.errand.root, "runs", "list", "--json").json["runs"]
        return listed[0]["status"]

    def branch_files(self, branch: str) -> dict[str, str]:
        names = self.world.git(self.errand.root, "ls-tree", "-r", "--name-only", branch).splitlines()
        return {name: self.world.git(self.errand.root, "show", f"{branch}:{name}") for name in names}

    def assert_whole(self, ended, *written: str) -> None:
        """The run is done, and nobody can tell from what it left that it was ever interrupted."""
        assert ended.code == 0, ended.err
        assert ended.json["status"] == "succeeded"
        expected = {"README.md": "Errands.", **{f"{name}.txt": "good" for name in written}}
        assert self.branch_files(ended.json["branch"]) == expected
        assert ended.json["cost_usd"] == pytest.approx(self.errand.bill(self.server))
        assert self.server.unmatched == []
        self.assert_clean()
        before = len(self.server.requests)
        again = self.resume(ended.json["run_id"])
        assert (again.code, again.json["head"], len(self.server.requests)) == (0, ended.json["head"], before)

    def assert_clean(self) -> None:
        assert self._checkout() == self.checkout
        assert self._git_names() == self.git_names
        assert self.world.git(self.errand.root, "fsck", "--strict", "--no-dangling") == ""
        assert self.world.processes() == {}
        for database in (self.world.folder / "state").rglob("*.db"):
            with sqlite3.connect(database) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()

    def _checkout(self) -> dict[str, bytes]:
        files = (path for path in self.errand.root.rglob("*") if path.is_file() and ".git" not in path.parts)
        own = (self.errand.root / ".git" / name for name in ("HEAD", "index", "config"))
        return {str(path): path.read_bytes() for path in (*files, *own)}

    def _git_names(self) -> set[str]:
        git = self.errand.root / ".git"
        names = (path.relative_to(git) for path in git.rglob("*"))
        return {str(name) for name in names if name.parts[0] not in KEPT}


@pytest.fixture
def scene(world, errand):
    def set_up(*rules) -> Scene:
        return Scene(world, errand, errand.serve(*rules))

    return set_up


@contextmanager
def held(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.long
def test_a_run_killed_while_it_plans_is_planned_by_the_next_resume(scene, errand):
    it = scene(errand.hangs(agent="planner"), errand.plans("first", "second"), *map(errand.writes, ("first", "second")))
    process = it.start("run", "Run errands")
    it.world.until(lambda: errand.asked(it.server, agent="planner"), process)
    it.kill(process)
    assert len(it.server.requests) == 1
    assert it.status() == RunStatus.INTERRUPTED

    it.assert_whole(it.resume("--yes"), "first", "second")
    assert errand.asked(it.server, agent="planner") == 2


@pytest.mark.long
def test_a_finished_attempt_survives_the_kill_of_another_and_the_kill_of_the_resume(scene, errand):
    when = {"agent": "execute", "subtask": "second"}
    sleep = {"calls": [{"tool": "Bash", "input": {"command": "sleep 300"}}], "usage": errand.USAGE}
    sleeps = {"when": when, "turns": [sleep, errand.HANG]}  # where there is no sandbox, the command is refused
    rules = [errand.hangs(**when), sleeps, errand.plans("first", "second")]
    it = scene(*rules, *map(errand.writes, ("first", "second")))
    process = it.start("run", "Run errands")
    it.world.until(it.saw(EventKind.SUBTASK_FINISHED, "first"), process)
    it.world.until(lambda: errand.asked(it.server, subtask="second"), process)
    it.kill(process)
    assert errand.asked(it.server, subtask="second") == 1

    resumed = it.start("resume")
    it.world.until(lambda: it.is_sleeping() or errand.asked(it.server, subtask="second") == 3, resumed)
    it.kill(resumed)
    before = errand.asked(it.server, subtask="second")

    it.assert_whole(it.resume(), "first", "second")
    assert errand.asked(it.server, agent="planner") == 1
    assert errand.asked(it.server, subtask="first") == 2
    assert errand.asked(it.server, subtask="second") == before + 2


@pytest.mark.long
def test_of_four_resumes_one_goes_on_with_the_killed_checks_and_the_others_say_who_does(scene, errand, tmp_path):
    flag = tmp_path / "go-on"
    patient = errand.subtask("first", checks=[f"until test -e {flag}; do sleep 0.1; done; grep -q good first.txt"])
    it = scene(errand.writes("first"), errand.writes("second"))
    it.world.env["AGENTFLOW_SANDBOX"] = "off"  # its check hears from outside
    process = it.start("run", "--plan", errand.plan_file(patient, errand.subtask("second", depends_on=["first"])))
    it.world.until(it.saw(EventKind.CHECK_STARTED, "first"), process)
    it.kill(process)

    resumed = [it.start("resume") for _ in range(4)]
    it.world.until(lambda: sum(process.poll() is not None for process in resumed) == 3)
    (winner,) = (process for process in resumed if process.poll() is None)
    for loser in (process for process in resumed if process is not winner):
        refused = it.ended(loser)
        assert (refused.code, refused.json["error"]["kind"]) == (2, "usage")
        assert f"process {winner.pid} is working on run" in refused.json["error"]["message"]
    assert it.status() == RunStatus.RUNNING
    flag.touch()

    it.assert_whole(it.ended(winner), "first", "second")
    assert errand.asked(it.server, subtask="first") == 2


@pytest.mark.long
def test_a_run_killed_between_the_last_merge_and_the_end_only_ends(scene, errand, tmp_path):
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    patient = f"touch {begun}; until test -e {go_on}; do sleep 0.1; done; grep -q good first.txt"
    it = scene(errand.writes("first"))
    it.world.env["AGENTFLOW_SANDBOX"] = "off"  # its check hears from outside
    process = it.start("run", "--plan", errand.plan_file(errand.subtask("first", checks=[patient])))
    it.world.until(begun.exists, process)
    with held(errand.root / ".git" / "agentflow.lock"):  # so that the worktree cannot be cleared away
        go_on.touch()
        it.world.until(it.saw(EventKind.SUBTASK_FINISHED, "first"), process)
        it.kill(process)
    assert it.status() == RunStatus.INTERRUPTED

    it.assert_whole(it.resume(), "first")
    assert errand.asked(it.server) == 2


@pytest.mark.long
def test_a_run_killed_after_a_scope_was_widened_goes_on_in_the_same_session_with_the_wider_scope(scene, errand):
    blocked = {
        **errand.DONE,
        "status": "blocked",
        "blocked_reason": "NEWS.txt is not mine",
        "needs_files": ["NEWS.txt"],
    }
    walls = {"when": {"attempt": 1}, "turns": [{"answer": blocked, "usage": errand.USAGE}]}
    it = scene(errand.hangs(attempt=2), walls, errand.writes("first", attempt=2))
    process = it.start("run", "--plan", errand.plan_file("first"))
    it.world.until(lambda: errand.asked(it.server, attempt="2"), process)
    it.kill(process)
    (wall,) = [event for event in it.world.events() if event.kind is EventKind.SCOPE_WIDENED]
    assert wall.data["files"] == ["NEWS.txt"]

    ended = it.resume()
    it.assert_whole(ended, "first")
    (subtask,) = ended.json["subtasks"]
    assert [(a["tier"], a["outcome"]) for a in subtask["attempts"]] == [("haiku", "blocked"), ("haiku", "passed")]
    assert [event.kind for event in it.world.events()].count(EventKind.SCOPE_WIDENED) == 1
    assert errand.asked(it.server, attempt="1") == 1
    assert len({request.session for request in it.server.requests}) == 1
    assert "- NEWS.txt" in it.server.requests[-2].last_text
