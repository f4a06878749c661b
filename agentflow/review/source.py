"""A file under review, as lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: First and last line, 1-based and inclusive.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """The reviewed version of a file.

    `changed` are the spans that the diff adds or changes, in order; None when the whole file is under review.
    `removed` holds, by line number, the lines the diff took out just before that line (one past the end: at the end).
    `unended`: no line break follows the last line. `read` are the numbers of a notebook's lines of code, the others
    are empty and not shown; None for every other file.
    """

    path: str
    lines: tuple[str, ...]
    changed: tuple[Span, ...] | None = None
    removed: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    unended: bool = False
    read: frozenset[int] | None = None

    @property
    def is_under_review(self) -> bool:
        return self.changed is None or bool(self.changed or self.removed)

    def text(self, first: int, last: int) -> str:
        """Lines `first` to `last`, 1-based and inclusive."""
        return "\n".join(self.lines[first - 1 : last])

    def is_changed(self, first: int, last: int) -> bool:
        """Whether any of these lines is under review."""
        return self.changed is None or meets(self.changed, first, last)


def meets(spans: Sequence[Span], first: int, last: int) -> bool:
    """Whether any of these lines is in one of the spans, which are in order and apart."""
    before = bisect_right(spans, last, key=lambda span: span[0])
    return before > 0 and spans[before - 1][1] >= first


def joined(spans: Iterable[Span]) -> list[Span]:
    """Sorted, with those that overlap or touch made one."""
    together: list[Span] = []
    for first, last in sorted(spans):
        if together and first <= together[-1][1] + 1:
            together[-1] = together[-1][0], max(together[-1][1], last)
        else:
            together.append((first, last))
    return together


def changes_of(source: Source) -> list[Span]:
    """The changed spans, and the lines before which something was removed."""
    last = len(source.lines)
    removed = ((min(n, last), min(n, last)) for n, lines in source.removed.items() if lines)
    return joined([*(source.changed or ()), *removed])
