from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.domain.attempts import Attempt, Outcome, RunStatus, SubtaskStatus, Wall, Way
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.events import Event, EventKind
from agentflow.domain.evidence import CheckResult, Proof, TestOutcomes
from agentflow.domain.tiers import Tier
from agentflow.errors import StoreError, UsageError
from agentflow.store.records import Cost, SubtaskRecord

ATTEMPT = Attempt(
    subtask="auth",
    n=1,
    tier=Tier.HAIKU,
    model="claude-haiku-5-5",
    outcome=Outcome.CHECKS_FAILED,
    rounds=2,
    reason="1 test fails",
    digest="assert 1 == 2",
    base="b" * 40,
    commit=None,
    summary="tried",
    confidence=0.5,
    proof=None,
    checks=(CheckResult("pytest -q", 1, 2.5, TestOutcomes(("t::a",), ("t::b",), ()), ("t::c",), "tail"),),
    duration_s=9.0,
)


def test_a_run_comes_back_as_it_was_written(ledger, a_run):
    run = a_run(spec={"checks": ["pytest"], "deep": {"n": 1}}, plan={"subtasks": []}, budget_usd=2.0, reason="r")
    ledger.create_run(run)
    assert ledger.run("run-1") == run


def test_fields_of_a_run_can_be_changed(ledger, a_run):
    ledger.create_run(a_run())
    ledger.update_run("run-1", status=RunStatus.SUCCEEDED, head="h", finished_at=2000.0, active_s=12.5, plan={"a": 1})
    run = ledger.run("run-1")
    assert (run.status, run.head, run.finished_at, run.active_s) == (RunStatus.SUCCEEDED, "h", 2000.0, 12.5)
    assert run.plan == {"a": 1}


def test_taking_up_a_run_marks_the_process(ledger, a_run):
    ledger.create_run(a_run())
    ledger.update_run("run-1", pid=os.getpid())
    marked = ledger.run("run-1").pid_mark
    ledger.update_run("run-1", status=RunStatus.STOPPED)
    assert ledger.run("run-1").pid_mark == marked is not None
    ledger.update_run("run-1", pid=None)
    assert ledger.run("run-1").pid_mark is None


def test_changing_a_run_that_is_gone_is_an_error(ledger):
    with pytest.raises(StoreError, match="run-1"):
        ledger.update_run("run-1", reason="x")


def test_a_unique_beginning_names_a_run(ledger, a_run):
    ledger.create_run(a_run("20261123-aaa"))
    ledger.create_run(a_run("20250601-bbb"))
    assert ledger.run("2025").id == "20250601-bbb"


def test_a_whole_id_wins_over_longer_ones(ledger, a_run):
    ledger.create_run(a_run("run-1"))
    ledger.create_run(a_run("run-11"))
    assert ledger.run("run-1").id == "run-1"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("20", "did you mean 20250601-bbb or 20261123-aaa?"),
        ("20261123-aax", "did you mean 20261123-aaa?"),
        ("%", "see `agentflow runs list --all`"),
        ("", "see `agentflow runs list --all`"),
    ],
)
def test_an_unclear_or_unknown_run_is_answered_with_near_names(ledger, a_run, asked, hint):
    ledger.create_run(a_run("20261123-aaa"))
    ledger.create_run(a_run("20250601-bbb", created_at=1001.0))
    with pytest.raises(UsageError) as caught:
        ledger.run(asked)
    assert caught.value.hint == hint


def test_runs_are_listed_newest_first_by_repository(ledger, a_run):
    ledger.create_run(a_run("one", created_at=1.0))
    ledger.create_run(a_run("two", created_at=2.0))
    ledger.create_run(a_run("other", created_at=3.0, common_dir=Path("/elsewhere/.git")))
    assert [run.id for run in ledger.runs()] == ["other", "two", "one"]
    assert [run.id for run in ledger.runs(Path("/repo/.git"))] == ["two", "one"]
    assert [run.id for run in ledger.runs(limit=1)] == ["other"]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (RunStatus.PLANNED, True),
        (RunStatus.RUNNING, True),
        (RunStatus.STOPPED, True),
        (RunStatus.INTERRUPTED, True),
        (RunStatus.SUCCEEDED, False),
        (RunStatus.FAILED, False),
    ],
)
def test_a_run_is_unfinished_until_it_has_a_verdict(ledger, a_run, status, found):
    ledger.create_run(a_run(status=status))
    assert (ledger.latest_unfinished(Path("/repo/.git")) is not None) is found
    assert ledger.latest_unfinished(Path("/elsewhere/.git")) is None


def test_subtasks_come_in_plan_order_and_are_overwritten(ledger):
    second = SubtaskRecord("b", 1, "Second", SubtaskStatus.WAITING)
    first = SubtaskRecord("a", 0, "First", SubtaskStatus.RUNNING, Tier.HAIKU)
    for record in (second, first):
        ledger.put_subtask("run-1", record)
    merged = replace(first, status=SubtaskStatus.MERGED, tier=Tier.SONNET, commit="c", reason="green")
    ledger.put_subtask("run-1", merged)
    assert ledger.subtasks("run-1") == [merged, second]
    assert ledger.subtasks("run-2") == []


def test_an_attempt_comes_back_as_it_was_written(ledger):
    ledger.put_attempt("run-1", ATTEMPT, 100.0)
    assert ledger.attempts("run-1") == [ATTEMPT]


def test_a_repeated_step_overwrites_its_attempt(ledger):
    ledger.put_attempt("run-1", ATTEMPT, 100.0)
    again = replace(ATTEMPT, outcome=Outcome.PASSED, proof=Proof.UNPROVEN, commit="c", checks=())
    ledger.put_attempt("run-1", again, 100.0)
    ledger.put_attempt("run-1", replace(ATTEMPT, n=2), 50.0)
    assert ledger.attempts("run-1") == [replace(ATTEMPT, n=2), again]


def test_what_came_of_a_wall_is_written_beside_it(ledger):
    wall = Wall(("a.py", "b.py"), reserved=("b.py",), asked=False, session="s", room=1)
    for n in (1, 2):
        ledger.put_attempt("run-1", replace(ATTEMPT, n=n, wall=wall), float(n))
    ledger.put_wall("run-1", "auth", 2, replace(wall, way=Way.REPLANNED))
    assert [attempt.wall for attempt in ledger.attempts("run-1")] == [wall, replace(wall, way=Way.REPLANNED)]


def test_a_verdict_can_be_revised(ledger):
    for n in (1, 2):
        ledger.put_attempt("run-1", replace(ATTEMPT, n=n, outcome=Outcome.PASSED), float(n))
    ledger.revise_attempt("run-1", "auth", 2, outcome=Outcome.CHECKS_FAILED, reason="red on the combination")
    first, second = ledger.attempts("run-1")
    assert (first.outcome, first.reason) == (Outcome.PASSED, "1 test fails")
    assert (second.outcome, second.reason) == (Outcome.CHECKS_FAILED, "red on the combination")


def test_deleting_a_run_takes_everything_of_it_and_nothing_else(ledger, a_run):
    for run_id in ("gone", "kept"):
        ledger.create_run(a_run(run_id))
        ledger.put_subtask(run_id, SubtaskRecord("a", 0, "A", SubtaskStatus.WAITING))
        ledger.put_attempt(run_id, ATTEMPT, 1.0)
        label = Label(run_id, "a", "execute", Tier.HAIKU, 1)
        ledger.start_call(run_id, label, CallKind.EXECUTE, runner="r", model="m", task_class="c")
        ledger.emit(run_id, Event(EventKind.NOTICE))
        ledger.cache_put("evidence", f"{run_id}:tree", run_id)
    ledger.delete_run("gone")
    for kind in (ledger.subtasks, ledger.attempts, ledger.calls, ledger.events):
        assert not kind("gone")
        assert kind("kept")
    assert [run.id for run in ledger.runs()] == ["kept"]
    assert (ledger.cache_get("evidence", "gone:tree"), ledger.cache_get("evidence", "kept:tree")) == (None, "kept")
    assert ledger.run_cost("gone") == Cost(0.0, 0)
