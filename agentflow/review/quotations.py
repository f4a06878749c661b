"""Where a quotation occurs among lines, however a model copied it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from itertools import accumulate, islice

from agentflow.review.copying import Quoted, bare, copied, dressed, exact, is_gap, pieces, remarked, whole
from agentflow.review.readings import Reading, readings, squeezed, uniform
from agentflow.review.showing import shown_line
from agentflow.review.text import lines_of

_Chunk = tuple[Quoted, ...]

_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})")
#: So many lines prove a quotation; and so many places of it, the nearest ones, are worth a look.
_MOST_LINES = 24
_MOST_PLACES = 64
#: Less than this, without white space, may stand across two lines by chance.
_SHORTEST_ACROSS = 12
#: The ranks of places that were only found when the quotation was read freely.
_FREE = 4


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Indexes, from 0 and in order, of the lines that hold a quotation. `rank` is 0 when it is quoted to the letter."""

    indexes: tuple[int, ...]
    rank: int


class Page:
    """Lines, without the blank ones, in which quotations are looked up."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._raw = lines

    @cached_property
    def _shown(self) -> _Text:
        """As models are shown them, which is how they quote them."""
        return _Text(self._raw, _plain)

    @cached_property
    def _uniform(self) -> _Text:
        return _Text(self._raw, uniform)

    def occurrences(self, quotation: str, near: int = 0) -> tuple[Occurrence, ...]:
        """The places that hold the quotation, nearest to index `near` first. White space and blank lines do not count.

        It is read as it stands, and without what models add: a code fence, line numbers, `+` and `-` marks, `...` for
        lines or for the end of a line left out; a quoted line may also be a part of a line. Only if that is nowhere,
        lines may be divided otherwise, and else stand apart, in their order.
        """
        text, quoted = self._shown, [line for line in map(_plain, lines_of(quotation)) if line]
        chunks = _chunks(_unfenced(quoted)[:_MOST_LINES], copied)
        apart = [(line,) for chunk in chunks for line in chunk]
        strictly = [tuple(map(exact, quoted[:_MOST_LINES]))]
        found = [*text.find(strictly, near, rank=0), *text.find(chunks, near, rank=1)]
        return tuple(found or text.across(_unfenced(quoted), rank=2) or text.find(apart, near, rank=3))

    def free_occurrences(self, quotation: str, near: int = 0) -> tuple[Occurrence, ...]:
        """The places when quotes, dashes, Unicode forms and escapes do not count, nor what people put around code.

        That is captions, prose, list marks, places in front of a line and remarks behind it, and gaps within it. Each
        reading is only tried when the stricter ones are nowhere.
        """
        ladder = [(reading, ways) for ways in (_whole_ways, _gapped_ways) for reading in readings(quotation)]
        for rank, (reading, ways) in enumerate(ladder, start=_FREE):
            if found := self._read(reading, ways, near, rank):
                return tuple(found)
        return ()

    def _read(self, reading: Reading, ways: _Ways, near: int, rank: int) -> list[Occurrence]:
        if not reading.scattered:
            return ways(self._uniform, reading.lines[:_MOST_LINES], near, rank)
        first, *others = ([*ways(self._uniform, (piece,), near, rank)] for piece in reading.lines[:_MOST_LINES])
        return first if all(others) else []


class _Text:
    """Lines in one form, without those that are blank in it."""

    def __init__(self, lines: Sequence[str], form: Callable[[str], str]) -> None:
        self.lines = [(index, formed) for index, line in enumerate(lines) if (formed := form(line))]
        self._held: dict[Quoted, frozenset[int]] = {}

    @cached_property
    def _squeezed(self) -> tuple[list[int], str]:
        """Where each line ends in the whole text without white space, and that text."""
        narrow = [squeezed(line) for _, line in self.lines]
        return list(accumulate(map(len, narrow))), "".join(narrow)

    def find(self, chunks: Sequence[_Chunk], near: int, rank: int) -> list[Occurrence]:
        """Where all chunks stand one after the other, with anything between them."""
        runs = [self._runs(chunk) for chunk in chunks if chunk]
        sizes = [len(chunk) for chunk in chunks if chunk]
        starts = nsmallest(_MOST_PLACES, runs[0] if runs else (), key=lambda at: abs(self.lines[at][0] - near))
        chains = (chain for start in starts if (chain := _chain(start, runs, sizes)))
        return [Occurrence(tuple(self.lines[position][0] for position in chain), rank) for chain in chains]

    def across(self, lines: Sequence[str], rank: int) -> list[Occurrence]:
        """Where the same characters stand, however they are divided into lines."""
        wanted = {squeezed("".join(map(form, lines))) for form in (str, bare)}
        ends, text = self._squeezed
        return [
            Occurrence(tuple(self.lines[n][0] for n in _crossed(ends, at.start(), len(one))), rank)
            for one in sorted(wanted)
            if len(one) >= _SHORTEST_ACROSS
            for at in islice(re.finditer(re.escape(one), text), _MOST_PLACES)
        ]

    def _runs(self, chunk: _Chunk) -> list[int]:
        """Positions at which the lines of the chunk follow one another."""
        first, *rest = map(self._holding, chunk)
        return sorted(at for at in first if all(at + step in held for step, held in enumerate(rest, 1)))

    def _holding(self, quoted: Quoted) -> frozenset[int]:
        """Positions of the lines that may be the quoted one."""
        if quoted not in self._held:
            held = (position for position, (_, line) in enumerate(self.lines) if quoted.is_line(line))
            self._held[quoted] = frozenset(held)
        return self._held[quoted]


#: How the lines of a reading are looked up.
_Ways = Callable[[_Text, Sequence[str], int, int], list[Occurrence]]


def _whole_ways(text: _Text, lines: Sequence[str], near: int, rank: int) -> list[Occurrence]:
    """One after the other, or divided otherwise."""
    return text.find(_chunks(lines, dressed), near, rank) or text.across(lines, rank)


def _gapped_ways(text: _Text, lines: Sequence[str], near: int, rank: int) -> list[Occurrence]:
    """With remarks behind them or gaps in them, which may be as wide as lines."""
    chunks = _chunks(lines, _dressed_or_remarked)
    apart = [(whole(piece),) for line in lines for piece in pieces(line)]
    gapped = len(apart) > len(lines)
    return text.find(chunks, near, rank) or (text.find(apart, near, rank) if gapped else [])


def _dressed_or_remarked(line: str) -> Quoted:
    plain, cut = dressed(line), remarked(line)
    return Quoted(plain.whole, plain.parts, cut.patterns)


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


def _chunks(quoted: Sequence[str], form: Callable[[str], Quoted]) -> list[_Chunk]:
    """The quotation without what models add, divided where it leaves out lines."""
    chunks: list[list[Quoted]] = [[]]
    for line in quoted:
        if is_gap(line):
            chunks.append([])
        elif bare(line):
            chunks[-1].append(form(line))
    return [tuple(chunk) for chunk in chunks if chunk]


def _unfenced(quoted: list[str]) -> list[str]:
    fenced = len(quoted) > 2 and _FENCE.match(quoted[0]) and _FENCE.match(quoted[-1])
    return quoted[1:-1] if fenced else quoted


def _plain(line: str) -> str:
    """The line as models are shown it, with every white space one blank."""
    return " ".join(shown_line(line).split())
