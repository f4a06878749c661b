"""The fold: what each event does to the rows and totals."""

from __future__ import annotations

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import EventKind
from agentflow.report.rows import climb_text
from agentflow.report.view import _FOLDS, OWN_CHECKS, token_count

PLANNED = [
    {"id": "a", "title": "First", "tier": "haiku", "agent": "execute", "depends_on": []},
    {"id": "b", "title": "Second", "tier": "sonnet", "agent": "architect", "depends_on": ["a"]},
]
MODEL = "claude-haiku-5-5"


def test_every_kind_of_event_is_folded():
    assert set(_FOLDS) == set(EventKind)


def test_a_plan_makes_a_waiting_row_per_subtask_in_its_order(told, event):
    view = told(event("plan_ready", summary="s", subtasks=PLANNED))
    assert [(key, row.title, row.agent, row.tier, row.state) for key, row in view.subtasks.items()] == [
        ("a", "First", "execute", "haiku", "waiting"),
        ("b", "Second", "architect", "sonnet", "waiting"),
    ]
    assert view.subtasks["b"].depends_on == ("a",)


@pytest.fixture
def at_work(event):
    """The events that bring subtask a to work in call 7."""
    return (
        event("plan_ready", summary="s", subtasks=PLANNED),
        event("subtask_started", "a", title="First"),
        event("attempt_started", "a", 1, tier="haiku", model=MODEL),
        event("session_started", "a", 1, "execute", "haiku", call=7, call_kind="execute", model=MODEL),
    )


@pytest.mark.parametrize(
    ("kind", "data", "state", "activity"),
    [
        ("tool_used", {"call": 7, "tool": "Edit", "argument": "src/a.py"}, "working", "Edit src/a.py"),
        ("tool_used", {"call": 7, "tool": "Bash", "argument": ""}, "working", "Bash"),
        ("retrying", {"call": 7, "status": 429, "delay_s": 3.0}, "retrying", "retrying in 3s (HTTP 429)"),
        ("retrying", {"call": 7, "status": None, "delay_s": 0.5}, "retrying", "retrying in 0s"),
        ("denied", {"call": 7, "tool": "Bash", "argument": "curl", "reason": "r"}, "working", ""),
        ("session_finished", {"call": 7, "ok": True, "reason": "", "cost_usd": 1.0}, "working", ""),
        ("check_started", {"command": "pytest -q"}, "checking", "pytest -q"),
        ("check_finished", {"command": "pytest -q", "exit_code": 0}, "working", ""),
        ("attempt_finished", {"outcome": "passed", "reason": "", "commit": "c"}, "working", ""),
        ("scope_widened", {"files": ["a.py", "b.py"], "asked": True}, "working", "scope widened by a.py, b.py"),
        ("subtask_replanned", {"files": ["a.py"], "depends_on": ["b"], "reason": "r"}, "waiting", ""),
        ("merge_started", {}, "merging", ""),
        ("merge_finished", {"merged": False, "reason": "red", "head": "h"}, "working", ""),
        ("subtask_finished", {"status": "merged", "reason": ""}, "merged", ""),
        ("subtask_finished", {"status": "unproven", "reason": ""}, "unproven", ""),
        ("subtask_finished", {"status": "blocked", "reason": "r"}, "blocked", ""),
    ],
)
def test_what_an_event_shows_on_its_subtask(told, event, at_work, kind, data, state, activity):
    row = told(*at_work, event(kind, "a", 1, "execute", "haiku", **data)).subtasks["a"]
    assert (row.state, row.activity) == (state, activity)


def test_the_served_model_replaces_the_requested_one(told, event, at_work):
    served = event("request_finished", "a", 1, call=7, model="claude-haiku-4", tokens={"input": 5}, cost_usd=0.1)
    assert told(*at_work).subtasks["a"].model == MODEL
    assert told(*at_work, served).subtasks["a"].model == "claude-haiku-4"


def test_money_and_tokens_are_counted_once_on_the_subtask_and_once_in_the_total(told, event, at_work):
    request = event(
        "request_finished", "a", 1, call=7, model=MODEL, tokens={"input": 5, "cache_read": 10}, cost_usd=0.25
    )
    ended = event("session_finished", "a", 1, call=7, ok=True, reason="", cost_usd=0.5)
    view = told(*at_work, request, request, ended)
    assert (view.subtasks["a"].tokens, view.subtasks["a"].cost_usd) == (30, 0.5)
    assert (view.total.tokens, view.total.cost_usd, view.total.unpriced) == (30, 0.5, 0)


def test_an_unpriced_request_is_counted_as_such(told, event, at_work):
    request = event("request_finished", "a", 1, call=7, model="m", tokens={"input": 5}, cost_usd=None)
    view = told(*at_work, request)
    assert (view.total.cost_usd, view.total.unpriced, view.subtasks["a"].unpriced) == (0.0, 1, 1)


def test_a_planner_has_a_row_of_the_runs_own(told, event):
    started = event("session_started", "-", 1, "planner", "opus", call=1, call_kind="plan", model="claude-opus-5")
    tool = event("tool_used", "-", 1, "planner", "opus", call=1, tool="Read", argument="a.py")
    row = told(started, tool).sessions[1]
    assert (row.title, row.owner, row.agent, row.tier, row.activity) == ("plan", "-", "planner", "opus", "Read a.py")
    ended = told(started, tool, event("session_finished", call=1, ok=True, reason="", cost_usd=0.1)).sessions[1]
    assert (ended.state, ended.activity, ended.finished) == ("done", "", True)


def test_an_explorer_works_beside_its_subtask_and_its_cost_belongs_there(told, event, at_work):
    started = event("session_started", "a", 1, "explore", "haiku", call=8, call_kind="explore", model=MODEL)
    tool = event("tool_used", "a", 1, "explore", "haiku", call=8, tool="Grep", argument="login")
    paid = event("request_finished", "a", 1, call=8, model=MODEL, tokens={"input": 3}, cost_usd=0.125)
    view = told(*at_work, started, tool, paid)
    assert (view.sessions[8].owner, view.sessions[8].activity, view.sessions[8].cost_usd) == ("a", "Grep login", 0.125)
    assert (view.subtasks["a"].activity, view.subtasks["a"].cost_usd) == ("", 0.125)
    assert view.total.cost_usd == 0.125


def test_the_runs_own_checks_have_a_row_while_they_run(told, event):
    started = event("check_started", command="pytest -q")
    running = told(started).sessions[OWN_CHECKS]
    assert (running.title, running.state, running.activity) == ("checks", "checking", "pytest -q")
    assert told(started, event("check_finished", command="pytest -q", exit_code=0)).sessions[OWN_CHECKS].finished


def test_the_tiers_climbed_are_kept_with_their_outcomes(told, event, at_work):
    first = event("attempt_finished", "a", 1, tier="haiku", outcome="checks_failed", reason="red", commit=None)
    second = event("attempt_finished", "a", 2, tier="sonnet", outcome="passed", reason="", commit="c")
    view = told(*at_work, first, second)
    assert view.subtasks["a"].climbed == (("haiku", "checks_failed"), ("sonnet", "passed"))


def test_green_alone_but_red_together_takes_the_pass_back(told, event, at_work):
    passed = event("attempt_finished", "a", 1, tier="haiku", outcome="passed", reason="", commit="c")
    red = event("merge_finished", "a", 1, merged=False, reason="red together", head="h")
    row = told(*at_work, passed, red).subtasks["a"]
    assert (row.climbed, row.reason) == ((("haiku", "checks_failed"),), "red together")


@pytest.mark.parametrize(("status", "merged"), [("merged", 1), ("unproven", 1), ("failed", 0), ("skipped", 0)])
def test_only_work_on_the_branch_counts_as_merged(told, event, at_work, status, merged):
    assert told(*at_work, event("subtask_finished", "a", status=status, reason="")).merged == merged


def test_events_that_repeat_after_a_crash_do_not_open_a_settled_subtask(told, event, at_work):
    settled = event("subtask_finished", "a", status="merged", reason="")
    row = told(*at_work, settled, *at_work).subtasks["a"]
    assert (row.state, row.finished) == ("merged", True)


def test_the_end_of_a_run_ends_its_sessions(told, event, at_work):
    plan = event("session_started", call=9, call_kind="judge", model="m")
    view = told(*at_work, plan, event("run_finished", status="stopped", reason="budget", head=None))
    assert (view.status, view.reason, view.finished, view.sessions[9].finished) == (
        RunStatus.STOPPED,
        "budget",
        True,
        True,
    )


@pytest.mark.parametrize("sign", ["run_started", "attempt_started"])
def test_whatever_happens_after_the_end_is_a_resumed_run(told, event, at_work, sign):
    ended = event("run_finished", status="interrupted", reason="", head=None)
    again = event(sign, "b" if sign == "attempt_started" else "-", 1, tier="sonnet", model="m")
    view = told(event("run_started", goal="g"), *at_work, ended, again)
    assert (view.status, view.finished) == (RunStatus.RUNNING, False)
    assert view.subtasks["a"].state == "waiting"


def test_a_second_start_ends_what_a_killed_process_left(told, event, at_work):
    judge = event("session_started", "a", 1, call=9, call_kind="judge", model="m")
    start = event("run_started", goal="g", branch="b", budget_usd=1.0)
    view = told(start, *at_work, judge, start)
    assert (view.subtasks["a"].state, view.sessions[9].finished, view.started_at) == ("waiting", True, 1000.0)


def test_a_subtask_that_no_plan_announced_gets_a_row(told, event):
    view = told(event("attempt_started", "late", 1, tier="haiku", model="m"))
    assert (view.subtasks["late"].title, view.subtasks["late"].state) == ("late", "working")


def test_elapsed_time_runs_until_the_end(told, event, at_work):
    view = told(*at_work, event("subtask_finished", "a", status="merged", reason="", at=1031.0))
    assert view.subtasks["a"].elapsed_s(9999.0) == 30.0
    assert view.subtasks["b"].elapsed_s(9999.0) == 0.0


@pytest.mark.parametrize(("tokens", "total"), [({"input": 1, "output": 2}, 3), (4, 4), (None, 0)])
def test_token_classes_add_up(tokens, total):
    assert token_count(tokens) == total


def test_the_whole_story(told, story):
    view = told(*story)
    assert (view.merged, view.status, view.last_event) == (2, RunStatus.SUCCEEDED, len(story))
    assert view.total.cost_usd == pytest.approx(0.1003)
    assert sum(row.cost_usd for row in view.subtasks.values()) + view.sessions[1].cost_usd == pytest.approx(0.1003)


@pytest.mark.parametrize("met", ["scope_widened", "subtask_replanned"])
def test_an_attempt_that_the_plan_stopped_has_not_failed(told, event, at_work, met):
    blocked = event("attempt_finished", "a", 1, tier="haiku", outcome="blocked", reason="r")
    view = told(*at_work, blocked, event(met, "a", 1, files=["b.py"], depends_on=["b"]))
    assert climb_text(view.subtasks["a"]) == "haiku wall"
    assert climb_text(told(*at_work, blocked).subtasks["a"]) == "haiku ✗"


def test_a_running_suite_shows_how_far_it_is(told, event, at_work):
    checking = (*at_work, event("check_started", "a", 1, command="pytest -q"))
    view = told(*checking, event("check_progress", "a", 1, command="pytest -q", done=12, tests=300, failed=2))
    assert (view.subtasks["a"].state, view.subtasks["a"].activity) == ("checking", "12/300, 2 failed: pytest -q")
    own = told(
        event("check_started", command="pytest -q"), event("check_progress", command="pytest -q", done=1, tests=9)
    )
    assert own.sessions[OWN_CHECKS].activity == "1/9: pytest -q"
