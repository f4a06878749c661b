"""Files cut into parts that a reviewer can read at once, at the seams where the code itself is divided."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from agentflow.domain.reviews import Part
from agentflow.review.definitions import Definition, indent_of
from agentflow.review.parsing import definitions_of
from agentflow.review.showing import CLOSING, lines_at, opening
from agentflow.review.source import Source, Span, changes_of, joined, meets

#: Lines shown on either side of a change.
CONTEXT = 20


def parts_of(source: Source, target: int) -> tuple[Part, ...]:
    """What of the file is read, in parts of at most `target` tokens as `show` prints them, in order.

    A whole file is covered line by line. Of a changed one, every change is covered, lines that were only removed
    included, with its context: the file if it takes at most half the target, else the definitions around the changes.
    A single line beyond the target stands alone. Without lines, or without a change, there is nothing to read.
    """
    if not source.lines:
        return ()
    ruler = _Ruler(source)
    spans = _cut((1, len(source.lines)), ruler, target) if source.changed is None else _around(source, ruler, target)
    return tuple(Part(source.path, first, last, ruler.tokens(first, last)) for first, last in spans)


class _Ruler:
    """A file's seams, and the tokens that any stretch of it takes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        shown = ("\n".join(lines_at(source, n)) for n in range(1, len(source.lines) + 1))
        self._bytes = list(accumulate((len(text.encode()) + bool(text) for text in shown), initial=0))
        self.definitions = definitions_of(source)
        self._seams = _seams(source.lines, self.definitions)

    def tokens(self, first: int, last: int) -> int:
        """The same as `tokens(show(...))`, without printing it."""
        frame = len(opening(self._source, first, last).encode()) + len(CLOSING)
        return -(-(frame + self._bytes[last] - self._bytes[first - 1] - 1) // 4)

    def reach(self, first: int, last: int, target: int) -> int:
        """The last line, up to `last`, of the longest stretch from `first` that fits the target; at least `first`."""
        fitting = bisect_right(range(first, last + 1), target, key=lambda end: self.tokens(first, end))
        return first + max(fitting, 1) - 1

    def best_start(self, candidates: range) -> int:
        """The line before which a cut hurts least: the lowest rank, then the furthest."""
        return min(candidates, key=lambda n: (self._seams.get(n, (2, 0)), -n))


def _seams(lines: Sequence[str], found: Iterable[Definition]) -> dict[int, tuple[int, int]]:
    """Lines where a part may well begin, with a rank: definitions before blocks, outer ones before inner ones."""
    blocks = {
        n: (1, indent_of(line))
        for n, line in enumerate(lines, start=1)
        if line.strip() and n > 1 and not lines[n - 2].strip()
    }
    return blocks | {one.first: (0, one.indent) for one in found}


def _cut(span: Span, ruler: _Ruler, target: int) -> Iterator[Span]:
    """The span in pieces that fit. No piece is shorter than a quarter of what would fit, for the sake of a seam."""
    first, last = span
    while first <= last:
        end = ruler.reach(first, last, target)
        if end < last:
            end = ruler.best_start(range(first + 1 + (end - first) // 4, end + 2)) - 1
        yield first, end
        first = end + 1


def _around(source: Source, ruler: _Ruler, target: int) -> list[Span]:
    changes = changes_of(source)
    whole = (1, len(source.lines))
    if changes and ruler.tokens(*whole) <= target // 2:
        return [whole]
    holders = _holders(ruler.definitions, len(source.lines))
    grown = joined(_grown(change, holders, ruler, target) for change in changes)
    return [piece for span in grown for piece in _cut(span, ruler, target) if meets(changes, *piece)]


def _holders(found: Iterable[Definition], last: int) -> list[Definition | None]:
    """By line, the innermost definition it belongs to."""
    holders: list[Definition | None] = [None] * (last + 1)
    for one in found:
        holders[one.first : one.last + 1] = [one] * (one.last + 1 - one.first)
    return holders


def _grown(change: Span, holders: Sequence[Definition | None], ruler: _Ruler, target: int) -> Span:
    """The change with some lines of context, and with the definitions it lies in if those fit."""
    first, last = max(1, change[0] - CONTEXT), min(len(holders) - 1, change[1] + CONTEXT)
    around = [holder for holder in (holders[change[0]], holders[change[1]]) if holder]
    wide = min([first, *(holder.first for holder in around)]), max([last, *(holder.last for holder in around)])
    return wide if ruler.tokens(*wide) <= target else (first, last)
