"""Where in a file under review evidence stands, removed lines included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from agentflow.domain.findings import Finding
from agentflow.review.quotations import Occurrence, Page
from agentflow.review.source import Source


@dataclass(frozen=True, slots=True)
class Place:
    """Lines that hold evidence. `removed`: it quotes lines taken out there. `rank`: 0 when to the letter."""

    lines: tuple[int, ...]
    removed: bool
    rank: int

    @property
    def first(self) -> int:
        return self.lines[0]

    @property
    def last(self) -> int:
        return self.lines[-1]

    def gap(self, finding: Finding) -> int:
        """How many lines the nearest of them is away from the cited ones."""
        return min(max(finding.line - line, line - finding.last_line, 0) for line in self.lines)


class Searched:
    """A source, ready to be searched for many quotations."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._present = Page(source.lines)
        self._view = list(_with_removed(source)) if source.removed else []
        self._both = Page([line for _, line, _ in self._view])

    def holds(self, quotation: str) -> bool:
        return next(self.places(quotation, near=1), None) is not None

    def places(self, quotation: str, near: int, *, freely: bool = False) -> Iterator[Place]:
        """Places of the quotation, those nearest to line `near` at least; `freely`: also as people quote code.

        A removed line counts as the one that now follows it, or as the last one.
        """
        for found in _look_up(self._present, quotation, near - 1, freely):
            yield Place(tuple(index + 1 for index in found.indexes), removed=False, rank=found.rank)
        for found in _look_up(self._both, quotation, bisect_left(self._view, near, key=lambda row: row[0]), freely):
            if any(self._view[index][2] for index in found.indexes):
                lines = dict.fromkeys(self._view[index][0] for index in found.indexes)
                yield Place(tuple(lines), removed=True, rank=found.rank)

    def touches_change(self, first: int, last: int) -> bool:
        """Whether these lines are under review, or beside lines that were taken out without any in their place."""
        source = self.source
        beside = (at for at in source.removed if first <= at <= last + 1 and not source.is_changed(at, at))
        return source.is_changed(first, last) or any(beside)


def _look_up(page: Page, quotation: str, near: int, freely: bool) -> tuple[Occurrence, ...]:
    return page.free_occurrences(quotation, near) if freely else page.occurrences(quotation, near)


def _with_removed(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Line number, text and whether it was removed, in the order of a diff."""
    end = len(source.lines)
    for number in range(1, end + 2):
        yield from ((min(number, end), line, True) for line in source.removed.get(number, ()))
        yield from ((number, line, False) for line in source.lines[number - 1 : number])
