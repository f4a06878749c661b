from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.events import EventKind
from agentflow.report.lines import LineRenderer, check_text, heartbeat, line_for, settled_text
from agentflow.report.row import Row


@pytest.fixture
def lines() -> LineRenderer:
    return LineRenderer("run-1")


def test_a_whole_run_without_a_terminal(lines, story, capsys):
    with lines:
        for event in story:
            lines.show(event)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "    0s  run run-1: refactor auth (branch agentflow/run-1, budget $2.0000)\n"
        "    2s  ✓ pytest -q (12 passed)\n"
        "    3s  baseline: ✓ pytest -q (12 passed)\n"
        "    4s  plan on opus\n"
        "    6s  ✓ plan done, 2s, $0.0500\n"
        "    7s  plan: 2 subtasks: Two steps.\n"
        "    9s  store: attempt 1 on haiku (claude-haiku-5)\n"
        "   15s  store: ✓ pytest -q (12 passed)\n"
        "   16s  store: ✓ attempt 1 on haiku passed\n"
        "   17s  store: merging\n"
        "   19s  store: ✓ merged, proven, haiku ✓, 11s, $0.0101\n"
        "   21s  wire: attempt 1 on haiku (claude-haiku-5)\n"
        "   27s  wire: ✗ pytest -q (1 failed, 11 passed)\n"
        "   28s  wire: ✗ attempt 1 on haiku checks failed: 1 test fails: t::a\n"
        "   29s  wire: attempt 2 on sonnet (claude-sonnet-5)\n"
        "   35s  wire: ✓ pytest -q (12 passed)\n"
        "   36s  wire: ✓ attempt 2 on sonnet passed\n"
        "   37s  wire: merging\n"
        "   39s  wire: ✓ merged, proven, haiku ✗ → sonnet ✓, 19s, $0.0402\n"
        "   40s  run succeeded\n"
    )


def test_a_whole_review_without_a_terminal(lines, review_story, capsys):
    with lines:
        for event in review_story:
            lines.show(event)
    assert capsys.readouterr().err == (
        "    0s  run run-1: review src\n"
        "    1s  review: 3 packs of 5 files, 3 skipped\n"
        "    6s  ✓ pack-1 src/a.py +2: 1 finding, 4s, $0.0012\n"
        "   10s  pack-2: ✗ review session ended: HTTP 529\n"
        "   14s  pack-2: ✗ review session ended: HTTP 529\n"
        "   15s  ✗ pack-2 src/b.py: not reviewed: HTTP 529\n"
        "   17s  ✓ pack-3 src/c.py: 2 findings, kept from an earlier review\n"
        "   18s  synthesis-1 on sonnet\n"
        "   20s  ✓ synthesis-1 done, 2s, $0.0100\n"
        "   21s  verify-1 on sonnet\n"
        "   23s  ✓ verify-1 done, 2s, $0.0200\n"
        "   24s  findings: 3 found, 1 merged, 1 refuted, 1 reported\n"
        "   25s  run failed\n"
    )


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"packs": [{"name": "pack-1", "title": "a.py"}], "files": 1, "skipped": 0}, "review: 1 pack of 1 file"),
        ({"packs": [], "files": 0, "skipped": 2}, "review: 0 packs of 0 files, 2 skipped"),
    ],
)
def test_a_review_says_what_it_will_read(told, event, data, line):
    ready = event("review_ready", **data)
    assert line_for(ready, told(ready)) == line


def test_a_run_without_branch_and_with_a_budget_names_the_budget_only(told, event):
    start = event("run_started", goal="review src", branch="", budget_usd=1.5, at=1000.0)
    assert line_for(start, told(start)) == "run run-1: review src (budget $1.5000)"


def test_what_goes_wrong_in_a_reviewers_session_names_the_pack(told, event, review_story):
    retry = event("retrying", "pack-1", 1, "reviewer", "haiku", call=1, status=529, delay_s=2.0)
    assert line_for(retry, told(*review_story[:4], retry)) == "pack-1: retrying in 2s (HTTP 529)"


def test_a_review_that_is_alive_names_its_packs(told, review_story):
    reading = heartbeat(told(*review_story[:5]), 1010.0)
    assert reading == "still running: pack-1 working 8s (0/3 packs, $0.0012)"


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        ("notice", {"message": "no sandbox here"}, "a: no sandbox here"),
        ("retrying", {"call": 1, "status": 529, "delay_s": 2.0}, "a: retrying in 2s (HTTP 529)"),
        (
            "denied",
            {"call": 1, "tool": "Bash", "argument": "curl x", "reason": "not allowed"},
            "a: denied Bash curl x: not allowed",
        ),
        ("session_finished", {"call": 1, "ok": False, "reason": "HTTP 500"}, "a: ✗ execute session ended: HTTP 500"),
        ("session_finished", {"call": 1, "ok": True, "reason": ""}, None),
        ("session_started", {"call": 1, "call_kind": "execute", "model": "m"}, None),
        ("session_started", {"call": 1, "call_kind": "explore", "model": "m"}, "a: explore on haiku"),
        ("merge_finished", {"merged": True, "reason": "", "head": "h"}, None),
        ("merge_finished", {"merged": False, "reason": "red", "head": "h"}, "a: ✗ not merged: red"),
        ("subtask_finished", {"status": "skipped", "reason": "needs b"}, "a: - skipped: needs b"),
        ("subtask_finished", {"status": "unproven", "reason": "no check"}, "a: ? unproven: no check"),
        ("subtask_finished", {"status": "merged", "proof": "weakly_proven"}, "a: ✓ merged, weakly proven"),
        (
            "check_finished",
            {"command": "pytest", "exit_code": 1, "passed": 1, "failed": 2, "skipped": 3, "where": "on the base"},
            "a: - pytest (2 failed, 1 passed, 3 skipped) on the base",
        ),
        ("tool_used", {"call": 1, "tool": "Edit", "argument": "x"}, None),
        ("request_finished", {"call": 1, "model": "m", "tokens": {"input": 1}, "cost_usd": 0.1}, None),
    ],
)
def test_each_transition_has_its_line(told, event, kind, data, line):
    happened = event(kind, "a", 1, "execute", "haiku", **data)
    assert line_for(happened, told(happened)) == line


@pytest.mark.parametrize("kind", ["attempt_finished", "merge_finished", "subtask_finished"])
def test_a_reason_that_names_many_tests_stays_short_on_its_line(told, event, kind):
    reason = "3 new failures: " + ", ".join(f"tests/test_receipt.py::test_the_{n}th_way_to_pay" for n in range(9))
    failed = event(kind, "store", 1, tier="haiku", outcome="checks_failed", status="failed", reason=reason)
    line = line_for(failed, told(failed))
    assert line.endswith("tests/test_receipt.py::test_the_1th_way_to_pay, tests/t…")
    assert len(line) < 180


def test_a_resumed_run_says_that_it_goes_on(told, event):
    start = event("run_started", goal="g", branch="b", budget_usd=None)
    assert line_for(replace(start, at=1005.0), told(start, start)) == "run run-1 goes on: g (branch b)"


def test_no_line_holds_what_steers_a_terminal_or_a_second_line(told, event, hostile, steers):
    nasty = hostile + "\nerror: forged"
    happened = [
        event("run_started", goal=nasty, branch=nasty, budget_usd=1.0),
        event("notice", message=nasty),
        event("plan_ready", summary=nasty, subtasks=[]),
        event("denied", "a", 1, call=1, tool="Bash", argument=nasty, reason=nasty),
        event("check_finished", "a", 1, command=nasty, exit_code=1, passed=None, failed=None, flaky=[]),
        event("subtask_finished", "a", status="failed", reason=nasty),
        event("review_ready", packs=[{"name": "pack-1", "title": nasty}], files=1, skipped=0),
        event("pack_started", "pack-1", pack="pack-1"),
        event("pack_finished", "pack-1", pack="pack-1", ok=False, reason=nasty, findings=0, kept=False),
        event("run_finished", status="failed", reason=nasty, head=None),
    ]
    view = told(*happened)
    lines = [line_for(each, view) for each in happened if each.kind is not EventKind.PACK_STARTED]
    for line in [*lines, heartbeat(view, 2000.0)]:
        assert line
        assert not steers(line)
        assert "\n" not in line


@pytest.mark.parametrize(
    ("check", "told_as"),
    [
        ({"command": "make test", "exit_code": 0, "passed": None, "failed": None}, "✓ make test"),
        ({"command": "make test", "exit_code": 2, "passed": None, "failed": None}, "✗ make test (exit 2)"),
        ({"command": "pytest", "exit_code": 1, "passed": 3, "failed": 2}, "✗ pytest (2 failed, 3 passed)"),
        ({"command": "pytest", "exit_code": 5, "passed": 0, "failed": 0}, "✗ pytest (exit 5, 0 passed)"),
        (
            {"command": "npm test", "exit_code": 1, "passed": 3, "failed": 1, "lingered": True},
            "✗ npm test (1 failed, 3 passed, left running by its tests)",
        ),
        ({"command": "pytest", "exit_code": None, "passed": None, "failed": None}, "✗ pytest (out of time)"),
        ({"command": "npm test", "exit_code": 127, "obstacle": "no mocha"}, "✗ npm test (cannot run: no mocha)"),
        ({"command": "pre-commit run", "exit_code": 0, "idle": True}, "✓ pre-commit run (found nothing to look at)"),
        ({"command": "fmt", "exit_code": 0, "rewrote": ["a.py"]}, "✓ fmt (changed a.py)"),
        ({"command": "a", "exit_code": 1, "signs": ["address in use"]}, "✗ a (exit 1, address in use)"),
        ({"command": "a", "exit_code": 1, "failed": 1, "partial": "it stops"}, "✗ a (1 failed, partial)"),
        (
            {"command": "pytest", "exit_code": 0, "passed": 3, "failed": 0, "flaky": ["t"]},
            "✓ pytest (3 passed, 1 flaky)",
        ),
    ],
)
def test_a_check_says_what_it_showed(check, told_as):
    assert check_text(check) == told_as


def test_an_unpriced_subtask_says_so():
    assert settled_text(Row("t", state="merged", unpriced=1)) == "✓ merged, unpriced"


def test_a_heartbeat_after_half_a_minute_of_silence(lines, story, capsys):
    cut = next(i for i, event in enumerate(story) if event.kind is EventKind.TOOL_USED)
    for event in story[: cut + 1]:
        lines.show(event)
    before = story[cut].at
    capsys.readouterr()
    lines.tick(before)
    lines.tick(before + 20)
    assert capsys.readouterr().err == ""
    lines.tick(before + 40)
    lines.tick(before + 50)
    assert capsys.readouterr().err == "   51s  still running: store Edit src/store.py 43s (0/2 merged, $0.0500)\n"
    lines.tick(before + 70)
    assert "still running" in capsys.readouterr().err


def test_before_the_first_event_silence_is_counted_from_the_first_look(lines, capsys):
    lines.tick(1000.0)
    lines.tick(1029.0)
    assert capsys.readouterr().err == ""
    lines.tick(1030.0)
    assert "still running: nothing yet" in capsys.readouterr().err


def test_a_finished_run_has_no_heartbeat(lines, story, capsys):
    for event in story:
        lines.show(event)
    capsys.readouterr()
    lines.tick(9999.0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("scope_widened", {"files": ["a.py", "b.py"], "asked": True}, "scope widened by a.py, b.py (asked by the agent)"),
        ("scope_widened", {"files": ["a.py"], "asked": False}, "scope widened by a.py (refused to the agent)"),
        ("subtask_replanned", {"files": ["a.py", "b.py"], "depends_on": ["log"], "reason": "Both write it."},
         "planned anew (a.py, b.py, after log): Both write it."),
    ],
)  # fmt: skip
def test_a_wall_is_told_with_how_it_was_met(lines, event, kind, data, text):
    assert line_for(event(kind, "a", 1, **data), lines.view) == f"a: wall: {text}"
