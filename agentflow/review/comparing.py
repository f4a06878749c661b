"""Which lines of a text differ, where git compares none: to git, UTF-16 and UTF-32 are binary."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from agentflow.git.diffs import Hunks


def compared(before: Sequence[str], after: Sequence[str]) -> Hunks:
    """The lines that differ, in numbers of the new text. None are visible: GitHub shows no diff of such a file."""
    edits = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return Hunks(
        tuple((start + 1, end) for tag, _, _, start, end in edits if tag in {"insert", "replace"}),
        {start + 1: tuple(before[first:last]) for tag, first, last, start, _ in edits if tag in {"delete", "replace"}},
    )
