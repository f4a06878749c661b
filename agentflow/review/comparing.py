"""Which lines of a text differ, where git compares none: to git, UTF-16 and UTF-32 are binary."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from agentflow.review.source import Span

#: Lines taken out, by the number of the line that they stood before.
Removed = dict[int, tuple[str, ...]]


def compared(before: Sequence[str], after: Sequence[str]) -> tuple[tuple[Span, ...], Removed]:
    """The spans added or changed, and what was removed, in numbers of the new text."""
    edits = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return (
        tuple((start + 1, end) for tag, _, _, start, end in edits if tag in {"insert", "replace"}),
        {start + 1: tuple(before[first:last]) for tag, first, last, start, _ in edits if tag in {"delete", "replace"}},
    )
