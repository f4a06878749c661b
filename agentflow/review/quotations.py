"""Where a quotation occurs among lines, however a model copied it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import accumulate, islice

from agentflow.review.showing import shown_line
from agentflow.review.text import lines_of

#: A quoted line in every form in which it may have been copied.
_Forms = frozenset[str]
_Chunk = tuple[_Forms, ...]

_NUMBER = re.compile(r"^\d+(?:\s?[|:│→]|(?=[+-])|\s|$)\s*")
_MARK = re.compile(r"^[+-]\s*")
_CUT = re.compile(r"\s*(?:\.{3}|…)$")
_GAP = re.compile(r"^(?:#|//|/\*|--|;)?\s?\[?(?:\.{3,}|…)\]?\s?(?:\*/)?$")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})")
#: So many lines prove a quotation; and so many places of it, the nearest ones, are worth a look.
_MOST_LINES = 24
_MOST_PLACES = 64
#: Less than this is a part of almost every line.
_SHORTEST_PART = 4
#: Less than this, without white space, may stand across two lines by chance.
_SHORTEST_ACROSS = 12


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Indexes, from 0 and in order, of the lines that hold a quotation. `rank` is 0 when it is quoted to the letter."""

    indexes: tuple[int, ...]
    rank: int


class Page:
    """Lines, without the blank ones, in which quotations are looked up."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = [(index, plain) for index, line in enumerate(lines) if (plain := _plain(line))]
        self._held: dict[tuple[_Forms, bool], set[int]] = {}

    def occurrences(self, quotation: str, near: int = 0) -> tuple[Occurrence, ...]:
        """The places that hold the quotation, nearest to index `near` first. White space and blank lines do not count.

        It is read as it stands, and without what models add: a code fence, line numbers, `+` and `-` marks, `...` for
        lines or for the end of a line left out; a quoted line may also be a part of a line. Only if that is nowhere,
        lines may be divided otherwise, and else stand apart, in their order.
        """
        quoted = [line for line in map(_plain, lines_of(quotation)) if line]
        exact = tuple(frozenset({line}) for line in quoted[:_MOST_LINES])
        chunks = _chunks(_unfenced(quoted)[:_MOST_LINES])
        apart = [(line,) for chunk in chunks for line in chunk]
        found = [*self._find([exact], near, rank=0), *self._find(chunks, near, rank=1)]
        return tuple(found or self._across(_unfenced(quoted), rank=2) or self._find(apart, near, rank=3))

    def _find(self, chunks: Sequence[_Chunk], near: int, rank: int) -> Iterator[Occurrence]:
        """Where all chunks stand one after the other, with anything between them."""
        runs = [self._runs(chunk, exact=rank == 0) for chunk in chunks if chunk]
        sizes = [len(chunk) for chunk in chunks if chunk]
        starts = nsmallest(_MOST_PLACES, runs[0] if runs else (), key=lambda at: abs(self._lines[at][0] - near))
        for start in starts:
            if chain := _chain(start, runs, sizes):
                yield Occurrence(tuple(self._lines[position][0] for position in chain), rank)

    def _across(self, lines: Sequence[str], rank: int) -> list[Occurrence]:
        """Where the same characters stand, however they are divided into lines."""
        wanted = {"".join(map(form, lines)).replace(" ", "") for form in (str, _bare)}
        ends = list(accumulate(len(line.replace(" ", "")) for _, line in self._lines))
        text = "".join(line for _, line in self._lines).replace(" ", "")
        return [
            Occurrence(tuple(self._lines[n][0] for n in _crossed(ends, at.start(), len(one))), rank)
            for one in sorted(wanted)
            if len(one) >= _SHORTEST_ACROSS
            for at in islice(re.finditer(re.escape(one), text), _MOST_PLACES)
        ]

    def _runs(self, chunk: _Chunk, *, exact: bool) -> list[int]:
        """Positions at which the lines of the chunk follow one another."""
        first, *rest = (self._holding(forms, exact=exact) for forms in chunk)
        return sorted(at for at in first if all(at + step in held for step, held in enumerate(rest, 1)))

    def _holding(self, forms: _Forms, *, exact: bool) -> set[int]:
        """Positions of the lines that hold a quoted line."""
        if (forms, exact) not in self._held:
            parts = () if exact else tuple(form for form in forms if len(form) >= _SHORTEST_PART)
            self._held[forms, exact] = {
                position
                for position, (_, line) in enumerate(self._lines)
                if line in forms or any(part in line for part in parts)
            }
        return self._held[forms, exact]


def _chain(start: int, runs: Sequence[list[int]], sizes: Sequence[int]) -> list[int]:
    """The positions of all chunks when the first one is at `start`, each at its first place after the one before."""
    chain = list(range(start, start + sizes[0]))
    for later, size in zip(runs[1:], sizes[1:], strict=True):
        at = bisect_left(later, chain[-1] + 1)
        if at == len(later):
            return []
        chain += range(later[at], later[at] + size)
    return chain


def _crossed(ends: Sequence[int], start: int, length: int) -> range:
    """The lines, by the offsets where they end, that hold some of `length` characters from `start`."""
    return range(bisect_right(ends, start), bisect_right(ends, start + length - 1) + 1)


def _chunks(quoted: Sequence[str]) -> list[_Chunk]:
    """The quotation without what models add, divided where it leaves out lines."""
    chunks: list[list[_Forms]] = [[]]
    for line in quoted:
        bare = _bare(line)
        if _GAP.match(bare):
            chunks.append([])
        elif bare:
            chunks[-1].append(_forms(line))
    return [tuple(chunk) for chunk in chunks if chunk]


def _unfenced(quoted: list[str]) -> list[str]:
    fenced = len(quoted) > 2 and _FENCE.match(quoted[0]) and _FENCE.match(quoted[-1])
    return quoted[1:-1] if fenced else quoted


def _forms(line: str) -> _Forms:
    unmarked = _MARK.sub("", line)
    copied = (line, unmarked, _NUMBER.sub("", line), _NUMBER.sub("", unmarked), _bare(line))
    forms = (form for copy in copied for form in (copy, copy.strip("`"), _CUT.sub("", copy)))
    return frozenset(form for form in forms if form)


def _bare(line: str) -> str:
    """The line without the number and the mark that a reviewer sees in front of it."""
    return _MARK.sub("", _NUMBER.sub("", line))


def _plain(line: str) -> str:
    """The line as models are shown it, which is how they quote it, with every white space one blank."""
    return " ".join(shown_line(line).split())
