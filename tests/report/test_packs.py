"""The rows of a review."""

from __future__ import annotations

import pytest

from agentflow.domain.events import EventKind


def states(view):
    return {name: row.state for name, row in view.packs.items()}


def ready(event, **titles):
    packs = [{"name": name.replace("_", "-"), "title": title} for name, title in titles.items()]
    return event("review_ready", packs=packs, files=len(packs), skipped=0)


def test_a_review_makes_a_waiting_row_per_pack(told, review_story):
    view = told(*review_story[:2])
    assert [(name, row.title, row.state) for name, row in view.packs.items()] == [
        ("pack-1", "src/a.py +2", "waiting"),
        ("pack-2", "src/b.py", "waiting"),
        ("pack-3", "src/c.py", "waiting"),
    ]


def test_a_pack_goes_from_waiting_over_working_to_done_or_failed(told, review_story):
    assert states(told(*review_story[:3])) == {"pack-1": "working", "pack-2": "waiting", "pack-3": "waiting"}
    assert states(told(*review_story)) == {"pack-1": "done", "pack-2": "failed", "pack-3": "done"}


def test_a_reviewers_session_is_its_packs_row(told, review_story):
    row = told(*review_story[:6]).packs["pack-1"]
    assert (row.agent, row.tier, row.model) == ("reviewer", "haiku", "claude-haiku-5")
    assert (row.state, row.tokens, row.cost_usd) == ("working", 1700, 0.0012)
    assert told(*review_story[:6]).sessions == {}


def test_every_try_of_a_pack_is_paid_by_its_row_and_once_in_the_total(told, review_story):
    view = told(*review_story)
    assert (view.packs["pack-2"].cost_usd, view.packs["pack-3"].cost_usd) == (0.004, 0.0)
    assert view.total.cost_usd == pytest.approx(0.0352)


def test_synthesis_and_verification_have_rows_of_the_runs_own_and_no_subtask(told, review_story):
    view = told(*review_story)
    assert [(row.title, row.owner, row.agent, row.state) for row in view.sessions.values()] == [
        ("synthesis-1", "-", "synthesizer", "done"),
        ("verify-1", "-", "verifier", "done"),
    ]
    assert view.subtasks == {}


def test_a_subtask_called_like_a_pack_is_left_alone(told, event, review_story):
    plan = [{"id": "pack-1", "title": "Pack the bags", "tier": "haiku", "agent": "execute", "depends_on": []}]
    view = told(event("plan_ready", summary="", subtasks=plan), *review_story)
    row = view.subtasks["pack-1"]
    assert (row.state, row.cost_usd, row.last_at) == ("waiting", 0.0, None)
    assert view.packs["pack-1"].state == "done"


def test_a_name_that_steers_is_written_out(told, event):
    view = told(ready(event, pack_1="src/\x1b[2J\n\u202e[/red].py"))
    assert view.packs["pack-1"].title == r"src/\x1b[2J\x0a\u202e[/red].py"


def test_events_that_repeat_after_a_crash_do_not_open_a_pack_that_is_settled(told, review_story):
    before = told(*review_story)
    again = told(*review_story, *review_story[1:15])
    assert states(again) == states(before)


def test_another_review_of_the_same_run_has_packs_of_its_own(told, event, review_story):
    assert states(told(*review_story[:15], ready(event, pack_1="src/d.py"))) == {"pack-1": "waiting"}


def test_a_resumed_review_takes_up_the_pack_that_was_being_read(told, event, review_story):
    view = told(*review_story[:5], event("run_started", goal="g", branch=""))
    assert set(states(view).values()) == {"waiting"}
    assert (view.packs["pack-1"].started_at, view.packs["pack-1"].cost_usd) == (None, 0.0012)


def test_progress_counts_failed_packs_as_finished(told, review_story):
    failed = next(i for i, e in enumerate(review_story) if e.kind is EventKind.PACK_FINISHED and not e.data["ok"])
    assert told(*review_story[: failed + 1]).progress == ("2/3 packs",)
