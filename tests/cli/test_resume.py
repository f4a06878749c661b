"""Stopping and going on: Ctrl-C, SIGTERM, approval declined, many at once, a bug in between."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time

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


def ended(process) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_stops_within_seconds_says_how_to_resume_and_goes_on(world, errand, hanging, number):
    process, server = hanging
    asked = time.monotonic()
    os.killpg(process.pid, number)  # as a terminal does: everybody in the foreground group
    code, out, err = ended(process)
    assert time.monotonic() - asked < 20
    document = __import__("json").loads(out)
    assert (code, document["status"]) == (130, "interrupted")
    assert f"agentflow resume {document['run_id']}" in err
    assert "Traceback" not in err
    assert world.processes() == {}
    before = len(server.requests)

    resumed = world.agentflow(errand.root, "resume", "--json", replay=server)

    assert resumed.code == 0, resumed
    assert resumed.json["status"] == "succeeded"
    assert [attempt["outcome"] for s in resumed.json["subtasks"] for attempt in s["attempts"]] == ["passed", "passed"]
    assert len(server.requests) == before + 2
    assert resumed.json["cost_usd"] == pytest.approx(errand.bill(server))
    assert server.unmatched == []


def test_a_second_interrupt_ends_at_once(world, errand, hanging):
    process, _ = hanging
    process.send_signal(signal.SIGINT)
    world.until(lambda: any("Ctrl-C again" in str(event.data) for event in world.events()), process)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    world.until(lambda: not world.processes())
    with world.ledger() as ledger:
        (run,) = ledger.runs()
    listed = world.agentflow(errand.root, "runs", "show", run.id, "--json").json
    assert listed["status"] == RunStatus.INTERRUPTED
