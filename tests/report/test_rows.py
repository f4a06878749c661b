from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from agentflow.domain.events import Event, EventKind
from agentflow.report.rows import short_model, tree_lines
from agentflow.report.view import RunView


def text(view, width=100, height=40, now=1030.0):
    return "\n".join(tree_lines(view, now, width, height))


@pytest.fixture
def middle(told, event, story):
    """The story, stopped while subtask wire is being repaired by sonnet, with an explorer and a third subtask."""
    cut = next(i for i, e in enumerate(story) if e.kind is EventKind.TOOL_USED and e.tier == "sonnet")
    plan = next(i for i, e in enumerate(story) if e.kind is EventKind.PLAN_READY)
    third = {
        "id": "docs",
        "title": "Tell the world",
        "tier": "haiku",
        "agent": "execute",
        "depends_on": ["wire", "store"],
    }
    more = event("plan_ready", summary="", subtasks=[*story[plan].data["subtasks"], third])
    explorer = event(
        "session_started", "wire", 2, "explore", "haiku", call=9, call_kind="explore", model="claude-haiku-5", at=1036.0
    )
    grep = event("tool_used", "wire", 2, "explore", "haiku", call=9, tool="Grep", argument="login", at=1037.0)
    return told(*story[:plan], more, *story[plan + 1 : cut + 1], explorer, grep)


def test_a_wide_terminal(middle):
    assert text(middle, now=1040.0) == (
        "◐ Wire it in             execute  sonnet-5       Edit src/wire.py                20s   1.7k  $0.0102\n"
        "  ◐ explore                explore  haiku-5        Grep login                     4s\n"
        "○ Tell the world         execute  haiku          needs wire, store\n"
        "1/3 merged · $0.0703 of $2.0000 · 40s · run-1"
    )


def test_a_middling_terminal(middle):
    assert text(middle, width=70, now=1040.0) == (
        "◐ Wire it in         sonnet-5   Edit src/wire.py          20s  $0.0102\n"
        "  ◐ explore           haiku-5    Grep login                4s\n"
        "○ Tell the world     haiku      needs wire, store\n"
        "1/3 merged · $0.0703 of $2.0000 · 40s · run-1"
    )


def test_a_narrow_terminal(middle):
    assert text(middle, width=40, now=1040.0) == (
        "◐ Wire it in      sonnet    20s  $0.0102\n"
        "  ◐ explore       haiku      4s\n"
        "○ Tell the world  haiku\n"
        "1/3 merged · $0.0703 of $2.0000 · 40s ·…"
    )


def test_a_review_shows_the_packs_that_are_not_read_and_counts_the_others(told, review_story):
    assert text(told(*review_story[:11]), width=80, now=1012.0) == (
        "◐ src/b.py               haiku-5    working                          5s  $0.0020\n"
        "○ src/c.py                          waiting\n"
        "1/3 packs · $0.0032 · 12s · run-1"
    )


def test_a_review_shows_synthesis_and_verification_as_rows(told, review_story):
    assert text(told(*review_story[:20]), width=80, now=1020.0) == (
        "◐ synthesis-1            sonnet-5   working                          2s  $0.0100\n"
        "3/3 packs · $0.0152 · 20s · run-1"
    )


def test_a_run_with_a_review_counts_both(told, story, review_story):
    assert text(told(*story[:8], *review_story[1:7])).endswith(
        "0/2 merged · 1/3 packs · $0.0512 of $2.0000 · 30s · run-1"
    )


def test_the_start_and_the_end(told, event, story):
    assert text(RunView("run-1")) == "planning · $0.0000 · 0s · run-1"
    review = event("run_started", goal="review src", branch="", at=1000.0)
    assert text(told(review)) == "collecting · $0.0000 · 30s · run-1"
    assert text(told(*story)) == "2/2 merged · $0.1003 of $2.0000 · 40s · run-1"


def test_planner_and_own_checks_have_rows(told, event):
    checks = event("check_started", command="pytest -q", at=1000.0)
    plan = event(
        "session_started", "-", 1, "planner", "opus", call=1, call_kind="plan", model="claude-opus-5", at=1010.0
    )
    assert text(told(event("run_started", at=1000.0), checks, plan), width=70) == (
        "◑ checks                        pytest -q                 30s\n"
        "◐ plan               opus-5     working                   20s\n"
        "planning · $0.0000 · 30s · run-1"
    )


def test_silence_for_a_minute_is_called_stalled(middle):
    assert "Edit src/wire.py" in text(middle, now=1037.0 + 59)
    assert "stalled 1m35s" in text(middle, now=1037.0 + 95)


def test_money_without_a_price_is_unpriced(told, event):
    start = event("attempt_started", "a", 1, tier="local", model="qwen")
    paid = event("request_finished", "a", 1, call=1, model="qwen", tokens={"input": 5}, cost_usd=None)
    assert text(told(start, paid)).splitlines()[0].endswith("unpriced")
    assert "unpriced of" not in text(told(start, paid))


@pytest.mark.parametrize(
    ("tier", "model", "told_as"),
    [
        ("haiku", "claude-haiku-5-5", "haiku-5-5"),
        ("haiku", "claude-sonnet-5", "haiku sonnet-5"),
        ("local", "qwen3", "local qwen3"),
        ("haiku", "", "haiku"),
        ("", "", ""),
    ],
)
def test_a_model_that_is_not_of_its_tier_is_plain_to_see(tier, model, told_as):
    assert short_model(tier, model) == told_as


def crowd(states: list[str]) -> RunView:
    view = RunView("run-1")
    rows = [
        {"id": f"s{n}", "title": f"Subtask {n}", "tier": "haiku", "agent": "execute", "depends_on": []}
        for n in range(len(states))
    ]
    view.apply(Event(EventKind.PLAN_READY, data={"subtasks": rows}, at=1.0))
    for n, state in enumerate(states):
        if state != "waiting":
            view.apply(Event(EventKind.ATTEMPT_STARTED, f"s{n}", 1, tier="haiku", at=1.0))
        if state == "merged":
            view.apply(Event(EventKind.SUBTASK_FINISHED, f"s{n}", data={"status": "merged"}, at=2.0))
    return view


def test_a_tree_taller_than_the_screen_shows_what_works_and_counts_the_rest():
    view = crowd(["waiting"] * 10 + ["working"] * 3 + ["merged"] * 4)
    assert text(view, width=40, height=10, now=5.0) == (
        "○ Subtask 0       haiku\n"
        "◐ Subtask 10      haiku      4s\n"
        "◐ Subtask 11      haiku      4s\n"
        "◐ Subtask 12      haiku      4s\n"
        "… 9 more\n"
        "4/17 merged · $0.0000 · 0s · run-1"
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["waiting", "working", "merged"]), max_size=40), st.integers(1, 200), st.integers(1, 60)
)
def test_the_tree_never_outgrows_the_terminal(states, width, height):
    lines = tree_lines(crowd(states), 5.0, width, height)
    assert len(lines) <= max(height - 4, 1)
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize("width", [0, 1, 7, 40, 70, 100, 200])
def test_hostile_and_wide_names_stay_in_their_cells(told, event, hostile, steers, width):
    planned = [{"id": "a", "title": hostile, "tier": "haiku", "agent": hostile, "depends_on": []}]
    wide = [{"id": "b", "title": "日本語" * 20, "tier": "haiku", "agent": "execute", "depends_on": [hostile]}]
    tool = event("tool_used", "a", 1, call=1, tool="Edit", argument=hostile + "\nnext")
    lines = tree_lines(told(event("plan_ready", subtasks=planned + wide), tool), 1001.0, width, 40)
    assert len(lines) == 3
    assert all(cell_len(line) <= max(width, 1) for line in lines)
    assert not any(steers(line) for line in lines)
