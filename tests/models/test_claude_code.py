"""Sessions of the real Claude Code CLI."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.cli

DONE = {"status": "done", "summary": "all good"}


def test_an_edit_in_scope_is_made_and_the_answer_is_the_validated_output(bench):
    path = str(bench.worktree / "src" / "app.py")
    played = bench.play(
        [
            {"calls": [{"tool": "Read", "input": {"file_path": path}}]},
            {
                "calls": [
                    {
                        "tool": "Edit",
                        "input": {"file_path": path, "old_string": "VALUE = 1", "new_string": "VALUE = 2"},
                    }
                ]
            },
            {"answer": DONE},
        ]
    )

    assert played.result.failure is None
    assert played.result.output == DONE
    assert (bench.worktree / "src" / "app.py").read_text() == "VALUE = 2\n"
