"""What of the code a finding rests on: the lines that it cites, quotes and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agentflow.domain.findings import Finding
from agentflow.domain.reviews import Excerpt
from agentflow.review.joining import Candidate
from agentflow.review.naming import Names
from agentflow.review.placing import Place, Searched
from agentflow.review.source import Source, Span
from agentflow.review.text import lines_of

#: Lines of one finding that are shown, and of one place that it names.
MOST_CITED, MOST_NAMED = 240, 40
#: Quotations and places of one finding that are looked up; and of those it speaks for, how many count.
_MOST_PLACES, _MOST_MEMBERS = 8, 5

#: Code in running text, and how much of it does not stand everywhere.
_CODE = re.compile(r"`([^`\n]+)`")
_TELLING = range(8, 200)
_FILE = r"[\w@+~-][\w./@+~-]*\.\w+"
_THROUGH = r"(?:\s?(?:-|–|to|and)\s?L?(\d{1,7}))?"
#: `b.py:12`, `b.py#L12-L14`, `b.py, line 12`; then `lines 12 to 14`, `line 12 of b.py`.
_FILE_FIRST = re.compile(rf"({_FILE})`?(?::|#L?|,?\s+(?:at\s+)?lines?\s+)(\d{{1,7}}){_THROUGH}", re.IGNORECASE)
_LINE_FIRST = re.compile(
    rf"\b(?:lines?\s+|L)(\d{{1,7}}){_THROUGH}(?:\s+(?:of|in)\s+(?:file\s+)?`?({_FILE}))?", re.IGNORECASE
)

#: A file and lines of it.
Passage = tuple[str, Span]


class Grounds:
    """Findings about some files and the excerpts that were shown beside them."""

    def __init__(self, sources: Mapping[str, Source], excerpts: Iterable[Excerpt] = ()) -> None:
        self._sources = sources
        self._beside: dict[str, dict[str, None]] = {}
        for excerpt in excerpts:
            for case in excerpt.cases:
                self._beside.setdefault(case.file, {})[excerpt.part.file] = None
        self._names = Names(sources)
        self._searched: dict[str, Searched] = {}
        self._resting: dict[Candidate, list[Passage]] = {}

    def cited(self, candidate: Candidate) -> list[Span]:
        """The lines of its file at which the candidate, and what it speaks for, report a defect."""
        spans = ((one.line, min(one.last_line, one.line + MOST_CITED)) for one in _voices(candidate))
        return [span for given in spans for _, span in self._within(candidate.finding.file, given)]

    def rests_on(self, candidate: Candidate) -> list[Passage]:
        """The lines that are quoted and the places that are named, in whichever of the files they are."""
        if candidate not in self._resting:
            found = (passage for one in _voices(candidate) for passage in (*self._quoted(one), *self._named(one)))
            self._resting[candidate] = list(dict.fromkeys(found))
        return self._resting[candidate]

    def _quoted(self, finding: Finding) -> Iterator[Passage]:
        """The evidence where it stands as one, else line by line; then the code in the message."""
        own = finding.file
        others = [one for one in (*self._mentioned(finding), *self._beside.get(own, ())) if one != own]
        place = self._place(own, finding.evidence, finding)
        lines = [] if place else [line for line in lines_of(finding.evidence) if line.strip()]
        yield from _passages(own, place)
        code = [one for one in _CODE.findall(finding.message) if len(one) in _TELLING]
        for quotation in (*lines[:_MOST_PLACES], *code[:_MOST_PLACES]):
            found = ((file, self._place(file, quotation, finding)) for file in (own, *others))
            yield from next((list(_passages(file, place)) for file, place in found if place), [])

    def _named(self, finding: Finding) -> Iterator[Passage]:
        text = f"{finding.title}\n{finding.message}"
        told = [(at[1], at[2], at[3]) for at in _FILE_FIRST.finditer(text)]
        told += [(at[3] or finding.file, at[1], at[2]) for at in _LINE_FIRST.finditer(text)]
        for name, first, last in told[:_MOST_PLACES]:
            meant = (name,) if name == finding.file else self._names.meant(name)
            if len(meant) == 1:
                end = min(int(last or first), int(first) + MOST_NAMED)
                yield from self._within(meant[0], (int(first), max(int(first), end)))

    def _mentioned(self, finding: Finding) -> list[str]:
        """The other files that its words name."""
        names = re.findall(_FILE, f"{finding.title}\n{finding.message}\n{finding.evidence}")[:_MOST_PLACES]
        meant = dict.fromkeys(path for name in names for path in self._names.meant(name))
        return [path for path in meant if path != finding.file]

    def _place(self, file: str, quotation: str, finding: Finding) -> Place | None:
        if file not in self._searched:
            self._searched[file] = Searched(self._sources[file])
        near = finding.line if file == finding.file else 1
        for freely in (False, True):
            places = self._searched[file].places(quotation, near, freely=freely)
            if found := min(places, key=lambda place: place.gap(finding), default=None):
                return found
        return None

    def _within(self, file: str, span: Span) -> Iterator[Passage]:
        """The lines of the span that there are."""
        first, last = max(1, span[0]), min(span[1], len(self._sources[file].lines))
        if first <= last:
            yield file, (first, last)


def _voices(candidate: Candidate) -> Sequence[Finding]:
    """The finding, and those it speaks for in the same file."""
    same = (one for one in candidate.members if one.file == candidate.finding.file)
    return [candidate.finding, *list(same)[:_MOST_MEMBERS]]


def _passages(file: str, place: Place | None) -> Iterator[Passage]:
    yield from ((file, (line, line)) for line in (place.lines if place else ()))
