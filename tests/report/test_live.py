"""The live tree on a real pseudo-terminal."""

from __future__ import annotations

import os
import pickle
import pty
import subprocess
import sys

import pytest

from agentflow.domain.events import EventKind

#: Plays events from a pickle on stdin into the live renderer, drawing after each.
_PLAYER = """
import pickle, sys
from agentflow.report.live import LiveRenderer
renderer = LiveRenderer("run-1")
for part in pickle.load(sys.stdin.buffer):
    with renderer:
        for event in part:
            renderer.show(event)
            renderer.tick(event.at)
"""


@pytest.fixture
def played():
    """What the renderer writes on a terminal; each part is one `with`."""
    return lambda *parts, **environment: on_a_terminal(_PLAYER, pickle.dumps(parts), environment)


def on_a_terminal(code: str, given: bytes, environment: dict[str, str]) -> str:
    """What a Python program writes to stderr when that is a terminal of 60 columns and 12 lines."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "60", "LINES": "12", **environment},
    )
    os.close(theirs)
    assert child.stdin is not None
    child.stdin.write(given)
    child.stdin.close()
    output = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert child.wait() == 0, output.decode()
    return output.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: EIO when the other side has closed
        return b""


ABOVE = (
    "run run-1: refactor auth (branch agentflow/run-1, budget $2.0000)\n"
    "baseline: ✓ pytest -q (12 passed)\n"
    "plan: 2 subtasks: Two steps.\n"
    "store: ✓ merged, proven, haiku ✓, 11s, $0.0101\n"
    "wire: ✓ merged, proven, haiku ✗ → sonnet ✓, 19s, $0.0402"
)


def test_at_the_end_only_the_settled_lines_remain(played, story, screen):
    assert screen.feed(played(story)).text == ABOVE


def test_in_the_middle_the_tree_stands_below_the_settled_lines(played, story, screen):
    cut = next(i for i, event in enumerate(story) if event.kind is EventKind.TOOL_USED and event.subtask == "wire")
    output = played(story[: cut + 1])
    last_frame = output[: output.rindex("$2.0000 · ")]
    assert screen.feed(last_frame).text == "\n".join(
        [*ABOVE.splitlines()[:4], "◐ Wire it in    haiku-5    Edit src/wire.py      3s", "1/2 merged · $0.0601 of"]
    )


def test_the_tree_can_pause_for_a_question_and_go_on(played, story, screen):
    assert screen.feed(played(story[:8], story[8:])).text == ABOVE


def test_nothing_is_coloured_when_the_user_wants_no_colour(played, story):
    assert "\x1b[2m" in played(story) or "\x1b[36m" in played(story)
    plain = played(story, NO_COLOR="1")
    assert not any(f"\x1b[{code}m" in plain for code in ("36", "32", "34", "31"))


def test_hostile_names_do_not_reach_the_terminal(played, event, hostile):
    planned = [{"id": "a", "title": hostile, "tier": "haiku", "agent": "execute", "depends_on": []}]
    output = played([
        event("run_started", goal=hostile, branch="b", budget_usd=None, at=1.0),
        event("plan_ready", summary=hostile, subtasks=planned, at=2.0),
        event("tool_used", "a", 1, call=1, tool="Edit", argument=hostile, at=3.0),
        event("denied", "a", 1, call=1, tool="Bash", argument=hostile, reason=hostile, at=4.0),
    ])  # fmt: skip
    assert "[/red]" in output
    assert not any(bad in output for bad in ("\x1b[31m", "\x1b]8", "\u202e", "\x9b", "\x07"))


@pytest.mark.parametrize(("term", "chosen"), [("xterm", "LiveRenderer"), ("dumb", "LineRenderer")])
def test_the_tree_is_for_terminals_that_can_redraw(term, chosen):
    code = "import sys; from agentflow.report.follow import renderer; sys.stderr.write(type(renderer('r')).__name__)"
    assert on_a_terminal(code, b"", {"TERM": term}) == chosen


def test_a_pipe_is_no_terminal_even_when_colour_is_forced():
    code = "import sys; from agentflow.report.follow import renderer; sys.stderr.write(type(renderer('r')).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "FORCE_COLOR": "1"}, capture_output=True, text=True, check=True
    )
    assert done.stderr == "LineRenderer"


def test_a_review_leaves_a_line_for_every_pack_and_what_was_found(played, review_story, screen):
    assert screen.feed(played(review_story, COLUMNS="90")).text == (
        "run run-1: review src\n"
        "review: 3 packs of 5 files, 3 skipped\n"
        "✓ pack-1 src/a.py +2: 1 finding, 4s, $0.0012\n"
        "✗ pack-2 src/b.py: not reviewed: HTTP 529\n"
        "✓ pack-3 src/c.py: 2 findings, kept from an earlier review\n"
        "findings: 3 found, 1 merged, 1 refuted, 1 reported"
    )
