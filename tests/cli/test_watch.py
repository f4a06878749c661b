from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import Event, EventKind

STORY = (
    Event(EventKind.RUN_STARTED, data={"goal": "g", "branch": "b", "budget_usd": None}),
    Event(EventKind.ATTEMPT_STARTED, "a", 1, tier="haiku", data={"model": "claude-haiku-5"}),
)


def test_a_finished_run_is_told_to_its_end(world, repository, ledger, a_run):
    ledger.create_run(a_run)
    for event in (*STORY, Event(EventKind.RUN_FINISHED, data={"status": "succeeded", "reason": "", "head": None})):
        ledger.emit(a_run.id, event)
    ended = world.agentflow(repository, "watch")
    assert (ended.code, ended.out) == (0, "")
    assert "a: attempt 1 on haiku (claude-haiku-5)" in ended.err
    assert "agentflow apply 20261123-100000-aaaa" in ended.err


def test_a_finished_review_ends_with_its_report(world, repository, ledger, a_review):
    ledger.emit(a_review.id, Event(EventKind.RUN_STARTED, data={"goal": "review a.py", "branch": ""}))
    ledger.emit(a_review.id, Event(EventKind.RUN_FINISHED, data={"status": "failed", "reason": "", "head": None}))
    ended = world.agentflow(repository, "watch")
    assert (ended.code, ended.out) == (0, "")
    assert "run 20261124-review: review a.py\n" in ended.err
    assert "The constant is never read" in ended.err


def test_a_killed_run_is_told_and_how_to_resume_it(world, repository, ledger, a_run):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    ledger.create_run(replace(a_run, status=RunStatus.RUNNING, pid=dead.pid))
    dead.wait()
    for event in STORY:
        ledger.emit(a_run.id, event)
    ended = world.agentflow(repository, "watch", a_run.id)
    assert ended.code == 0
    assert ended.err.endswith(f"interrupted; resume with: agentflow resume {a_run.id}\n")


def test_a_live_run_is_followed_until_it_ends(world, repository, ledger, a_run):
    ledger.create_run(replace(a_run, status=RunStatus.RUNNING, pid=os.getpid()))
    watching = world.start(repository, "watch")
    ledger.emit(a_run.id, STORY[0])
    assert watching.stderr is not None
    first = watching.stderr.readline()
    threading.Thread(target=_end, args=(ledger, a_run.id)).start()
    out, rest = watching.communicate(timeout=60)
    assert (watching.returncode, out) == (0, "")
    assert "run 20261123-100000-aaaa: g" in first
    assert "attempt 1 on haiku" in rest
    assert "run succeeded" in rest
    assert "next:" in rest


def _end(ledger, run_id):
    ledger.emit(run_id, STORY[1])
    ledger.emit(run_id, Event(EventKind.RUN_FINISHED, data={"status": "succeeded", "reason": "", "head": None}))
    ledger.update_run(run_id, status=RunStatus.SUCCEEDED, pid=None)
