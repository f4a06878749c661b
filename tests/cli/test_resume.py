"""Stopping and going on: Ctrl-C, SIGTERM, approval declined, many at once, a bug in between."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import EventKind

pytestmark = pytest.mark.cli


@pytest.fixture
def hanging(world, errand):
    """A run whose first subtask is done and merged while the second one's model says nothing."""
    server = errand.serve(errand.hangs(subtask="second"), errand.writes("first"), errand.writes("second"))
    process = world.start(
        errand.root, "run", "--plan", errand.plan_file("first", "second"), "--yes", "--json", replay=server
    )
    world.until(lambda: "first" in finished(world) and errand.asked(server, subtask="second"), process)
    yield process, server
    process.kill()
    process.communicate()


def finished(world) -> set[str]:
    return {event.subtask for event in world.events() if event.kind is EventKind.SUBTASK_FINISHED}


def ended(process) -> Any:
    out, err = process.communicate(timeout=60)
    return SimpleNamespace(code=process.returncode, out=out, err=err)


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupted_run_leaves_nothing_running_says_how_to_resume_and_goes_on(world, errand, hanging, number):
    process, server = hanging
    os.killpg(process.pid, number)  # as a terminal does: everybody in the foreground group
    interrupted = ended(process)
    document = json.loads(interrupted.out)
    assert (interrupted.code, document["status"]) == (130, "interrupted")
    assert f"agentflow resume {document['run_id']}" in interrupted.err
    assert "Traceback" not in interrupted.err
    assert world.processes() == {}
    before = len(server.requests)

    resumed = errand.run("resume", server=server)

    assert (resumed.code, resumed.json["status"]) == (0, "succeeded"), resumed.err
    assert [attempt["outcome"] for s in resumed.json["subtasks"] for attempt in s["attempts"]] == ["passed", "passed"]
    assert len(server.requests) == before + 2
    assert resumed.json["cost_usd"] == pytest.approx(errand.bill(server))
    assert server.unmatched == []


@pytest.mark.long
def test_a_second_interrupt_ends_at_once_and_neither_that_nor_a_bug_costs_the_run(world, errand, hanging):
    process, server = hanging
    process.send_signal(signal.SIGINT)
    world.until(lambda: any("Ctrl-C again" in str(event.data) for event in world.events()), process)
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    world.until(lambda: not world.processes())
    assert errand.run("runs", "show").json["status"] == RunStatus.INTERRUPTED

    with sqlite3.connect(world.folder / "state" / "ledger.db") as ledger:
        (plan,) = ledger.execute("SELECT plan FROM runs").fetchone()
        ledger.execute("""UPDATE runs SET plan = '{"summary": 1}'""")
    ledger.close()
    broken = errand.run("resume", server=server)
    assert (broken.code, broken.json["error"]["kind"]) == (3, "internal")
    assert "Traceback" in (world.folder / "state" / "crash.log").read_text()

    with sqlite3.connect(world.folder / "state" / "ledger.db") as ledger:
        ledger.execute("UPDATE runs SET plan = ?", (plan,))
    ledger.close()
    mended = errand.run("resume", server=server)
    assert (mended.code, mended.json["status"]) == (0, "succeeded"), mended.err
    assert errand.asked(server, subtask="first") == 2
    assert server.unmatched == []


@pytest.mark.long
def test_a_plan_that_is_declined_waits_and_can_be_approved_later(world, errand):
    server = errand.serve(errand.plans("first"), errand.writes("first"))
    person, terminal = pty.openpty()
    process = world.start(errand.root, "run", "Run errands", replay=server, stdin=terminal)
    os.write(person, b"n\n")
    declined = ended(process)
    os.close(terminal)
    os.close(person)
    assert (declined.code, errand.run("runs", "show").json["status"]) == (130, RunStatus.PLANNED)
    assert "agentflow resume" in declined.err

    assert errand.run("resume").code == 4  # nobody there to ask
    resumed = errand.run("resume", "--yes", server=server)

    assert (resumed.code, resumed.json["status"]) == (0, "succeeded"), resumed.err
    assert errand.asked(server, agent="planner") == 1
    assert server.unmatched == []


def test_without_an_unfinished_run_there_is_nothing_to_resume(errand):
    refused = errand.run("resume")
    assert (refused.code, refused.json["error"]["kind"]) == (2, "usage")


@pytest.mark.long
def test_a_stopped_review_goes_on_without_asking_for_approval(world, replay):
    root = world.repository({"a.py": "a = 1\n"})
    spent = {"fault": {"status": 402, "message": "Your credit balance is too low", "times": "*"}, "say": ""}
    poor, rich = (
        replay(json.dumps({"name": "review", "rules": [{"when": {"agent": "reviewer"}, "turns": [turn]}]}))
        for turn in (spent, {"answer": {"findings": []}})
    )
    stopped = world.agentflow(root, "review", "a.py", replay=poor)
    assert stopped.code == 5
    gone_on = world.agentflow(root, "resume", "--json", replay=rich)
    assert (gone_on.code, gone_on.json["status"], gone_on.json["files_reviewed"]) == (0, "succeeded", ["a.py"])
    assert "goes on: review a.py" in gone_on.err
    assert (len(rich.requests), rich.unmatched) == (1, [])
