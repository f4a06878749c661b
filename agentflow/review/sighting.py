"""Sighting: what of the code is shown to who judges a finding, which is at least what the finding was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentflow.domain.reviews import Excerpt, Part
from agentflow.review.definitions import Definition
from agentflow.review.grounds import Grounds
from agentflow.review.joining import Candidate
from agentflow.review.parsing import definitions_of
from agentflow.review.showing import show
from agentflow.review.source import Source, Span, joined
from agentflow.review.text import tokens

#: Tokens up to which a type around what is shown is shown whole too.
NESTED = 1_200
#: Lines shown on either side of what a finding quotes or names, where there is room for them.
BESIDE = 3
#: Lines of a head, with its comments, when what it heads is not shown whole.
MOST_HEAD = 12
#: Of the changes beside which the lines of a finding were shown, how many are shown with it.
_MOST_CASES = 3


@dataclass(frozen=True, slots=True)
class View:
    """How much code is re-read: files of at most `whole` tokens whole, of others `contexts` lines around a finding.

    `whole` is None where a file only has to fit; of the contexts the first is taken that lets findings share a batch.
    The definition around a finding and what it quotes and names are shown in every view.
    """

    whole: int | None
    contexts: tuple[int, ...]


#: For a first ruling: what a claim mostly rests on, at a fraction of the tokens of whole files.
NEAR = View(800, (25, 5, 0))
#: For a contested one.
FAR = View(None, (60, 20, 5, 0))


class Desk:
    """Files, of which at most `target` tokens are shown at once."""

    def __init__(
        self, sources: Mapping[str, Source], target: int, view: View, excerpts: Sequence[Excerpt] = ()
    ) -> None:
        self._sources, self._excerpts, self._grounds = sources, excerpts, Grounds(sources, excerpts)
        self._longest = target * 3 // 4
        self._whole = min(target, view.whole or target)
        self._tokens: dict[tuple[str, Span], int] = {}

    def parts(self, candidates: Iterable[Candidate], context: int) -> tuple[Part, ...]:
        """What these findings rest on, with so many lines around the cited ones. Small files are shown whole."""
        return self._shown(spot for one in candidates for spot in self._spots(one, context))

    def merged(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """The parts, those that overlap or touch made one."""
        return self._shown((part.file, (part.first, part.last)) for part in parts)

    def partly(self, candidates: Iterable[Candidate], parts: Sequence[Part]) -> Iterator[int]:
        """The numbers of the findings whose innermost function is not whole in these parts."""
        for one in candidates:
            holders = [h for span in self._grounds.cited(one) for h in self._holders(one.finding.file, span)[-1:]]
            if not all(h.is_type or _covers(parts, one.finding.file, h) for h in holders):
                yield one.number

    def _spots(self, candidate: Candidate, context: int) -> Iterator[tuple[str, Span]]:
        own = candidate.finding.file
        for first, last in self._grounds.cited(candidate):
            yield own, (first - context, last + context)
            yield from ((own, span) for span in self._around(own, (first, last)))
            yield from self._travelled(own, (first, last))
        for file, (first, last) in self._grounds.rests_on(candidate):
            beside = min(BESIDE, context)
            yield file, (first - beside, last + beside)

    def _travelled(self, file: str, span: Span) -> Iterator[tuple[str, Span]]:
        """What was shown beside these lines; where they were shown beside others, those."""
        for excerpt in self._excerpts:
            part = excerpt.part
            if any(_meet(span, (case.first, case.last)) for case in excerpt.cases if case.file == file):
                yield part.file, (part.first, part.last)
            elif file == part.file and _meet(span, (part.first, part.last)):
                yield file, (part.first, part.last)
                yield from ((one.file, (one.first, one.last)) for one in excerpt.cases[:_MOST_CASES])

    def _around(self, file: str, span: Span) -> Iterator[Span]:
        """The functions it lies in and short types; of what is too long for that, the head."""
        for holder in self._holders(file, span):
            most = NESTED if holder.is_type else self._longest
            if self._size(file, (holder.first, holder.last)) <= most:
                yield holder.first, holder.last
            else:
                yield max(holder.first, holder.line - MOST_HEAD), holder.line

    def _holders(self, file: str, span: Span) -> list[Definition]:
        """The definitions around the first line of the span, and around its last one, outer ones first."""
        found = definitions_of(self._sources[file])
        return [one for one in found if any(one.first <= line <= one.last for line in span)]

    def _shown(self, spots: Iterable[tuple[str, Span]]) -> tuple[Part, ...]:
        spans: dict[str, list[Span]] = {}
        for file, span in spots:
            spans.setdefault(file, []).append(span)
        return tuple(part for file, some in spans.items() for part in self._parts(file, some))

    def _parts(self, file: str, spans: Sequence[Span]) -> Iterator[Part]:
        end = len(self._sources[file].lines)
        if self._sources[file].is_under_review and self._size(file, (1, end)) <= self._whole:
            yield self._part(file, (1, end))
            return
        within = ((max(1, first), min(end, last)) for first, last in spans)
        yield from (self._part(file, span) for span in joined(within))

    def _part(self, file: str, span: Span) -> Part:
        return Part(file, *span, self._size(file, span))

    def _size(self, file: str, span: Span) -> int:
        if (file, span) not in self._tokens:
            shown = show(self._sources[file], Part(file, *span, 0))
            self._tokens[file, span] = tokens(shown)
        return self._tokens[file, span]


def _meet(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _covers(parts: Iterable[Part], file: str, holder: Definition) -> bool:
    return any(p.file == file and p.first <= holder.line and holder.last <= p.last for p in parts)
