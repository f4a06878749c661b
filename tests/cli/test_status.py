"""`agentflow status` on what the ledger holds; runs that are under way: test_detach.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import Event, EventKind

PLANNED = [
    {"id": "a", "title": "Write a", "depends_on": [], "agent": "execute", "tier": "haiku"},
    {"id": "b", "title": "Write \x1b[31mb", "depends_on": ["a"], "agent": "execute", "tier": "sonnet"},
]


def tell(ledger, run, *events):
    ledger.create_run(run)
    for event in events:
        ledger.emit(run.id, event)


def lines(world, repository, *args):
    ended = world.agentflow(repository, "status", *args)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def test_a_run_is_told_in_a_line_for_everything(world, repository, ledger, a_run):
    tell(
        ledger,
        replace(a_run, status=RunStatus.STOPPED, reason="the budget is spent", budget_usd=2.0, active_s=65),
        Event(EventKind.RUN_STARTED, at=1000.0, data={"goal": a_run.goal, "branch": a_run.branch}),
        Event(EventKind.PLAN_READY, at=1001.0, data={"subtasks": PLANNED}),
        Event(EventKind.SUBTASK_STARTED, subtask="a", at=1002.0, data={"title": "Write a"}),
        Event(EventKind.ATTEMPT_FINISHED, subtask="a", at=1003.0, tier="haiku", data={"outcome": "passed"}),
        Event(EventKind.SUBTASK_FINISHED, subtask="a", at=1003.0, data={"status": "merged"}),
    )

    assert lines(world, repository) == [
        "stopped: refactor auth",
        f"run {a_run.id}, 1/2 merged, 1m05s, $0.0000 of $2.0000",
        "reason: the budget is spent",
        "✓ Write a: merged, haiku ✓",
        "○ Write b: waiting, sonnet, needs a",
        f"next: agentflow resume {a_run.id}",
    ]


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "agentflow diff {id}|agentflow apply {id}"),
        ({"head": None, "status": RunStatus.FAILED}, "agentflow runs show {id}"),
        ({"status": RunStatus.RUNNING}, "agentflow resume {id}"),
        ({"workflow": "plan", "head": None}, "agentflow run --plan {id}"),
        ({"workflow": "plan", "head": None, "status": RunStatus.FAILED}, "agentflow runs show {id}"),
    ],
    ids=["done", "failed", "killed", "planned", "no plan"],
)
def test_what_comes_next_is_a_command(world, repository, ledger, a_run, changes, command):
    ledger.create_run(replace(a_run, **changes))
    found = [line.removeprefix("next: ") for line in lines(world, repository) if line.startswith("next: ")]

    assert found == command.format(id=a_run.id).split("|")


def test_a_reviews_report_is_one_command_away(world, repository, a_review):
    assert lines(world, repository)[-1] == f"next: agentflow runs show {a_review.id}"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (RunStatus.SUCCEEDED, 0),
        (RunStatus.FAILED, 1),
        (RunStatus.STOPPED, 5),
        (RunStatus.RUNNING, 130),
        (RunStatus.PLANNED, 130),
    ],
)
def test_the_exit_code_is_the_runs_when_that_is_asked_for(world, repository, ledger, a_run, status, code):
    ledger.create_run(replace(a_run, status=status))

    assert world.agentflow(repository, "status", "--exit-code").code == code
    assert world.agentflow(repository, "status", a_run.id, "--wait", "9", "--json").code == 0


def test_a_detached_run_that_never_began_points_to_its_log(world, repository, ledger, a_run):
    ledger.create_run(replace(a_run, status=RunStatus.PLANNED, head=None))
    assert "not begun" not in lines(world, repository)[2]

    log = world.folder / "state" / "runs" / a_run.id / "logs" / "detached.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: no login")
    assert lines(world, repository)[2] == f"it has not begun; the reason is in {log}"


def test_without_a_run_there_is_nothing_to_say(world, repository):
    assert world.agentflow(repository, "status").code == 2


@pytest.mark.parametrize("text", ["", "\n", "--budget 2\n", "--budget much tidy up\n", "--budget 0 tidy up\n"])
def test_a_task_on_stdin_needs_words_and_a_budget_in_dollars(world, repository, text):
    (world.folder / "typed").write_text(text)
    with (world.folder / "typed").open() as typed:
        process = world.start(repository, "run", "-", "--yes", stdin=typed.fileno())
        _, err = process.communicate(timeout=60)

    assert process.returncode == 2, err
