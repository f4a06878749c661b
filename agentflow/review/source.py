"""A file under review, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: First and last line, 1-based and inclusive.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """The reviewed version of a file.

    `changed` are the spans that the diff adds or changes, in order; None when the whole file is under review.
    `removed` holds, by line number, the lines the diff took out just before that line (one past the end: at the end).
    """

    path: str
    lines: tuple[str, ...]
    changed: tuple[Span, ...] | None = None
    removed: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def text(self, first: int, last: int) -> str:
        """Lines `first` to `last`, 1-based and inclusive."""
        return "\n".join(self.lines[first - 1 : last])

    def is_changed(self, first: int, last: int) -> bool:
        """Whether any of these lines is under review."""
        return self.changed is None or any(start <= last and first <= end for start, end in self.changed)
