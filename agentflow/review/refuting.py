"""Refuting: a refutation counts with the whole function in view, and when it quotes the line that it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agentflow.domain.reviews import Part
from agentflow.review.joining import Candidate
from agentflow.review.placing import Searched
from agentflow.review.ruling import Ruling
from agentflow.review.source import Source
from agentflow.review.verifying import Batch

#: Characters of a quotation that are looked up.
_MOST_QUOTED = 2_000
#: What says something, unlike a brace.
_TELLING = re.compile(r"\w")


def founded(rulings: Iterable[Ruling], batch: Batch, sources: Mapping[str, Source]) -> Iterator[Ruling]:
    """The rulings, each refutation with the place that it rests on; one that does not count becomes unsure."""
    candidates = {candidate.number: candidate for candidate in batch.candidates}
    for ruling in rulings:
        yield _founded(ruling, candidates[ruling.number], batch, sources)


def _founded(ruling: Ruling, candidate: Candidate, batch: Batch, sources: Mapping[str, Source]) -> Ruling:
    if ruling.verdict != "refuted":
        return ruling
    if ruling.number in batch.partly:
        return _unfounded(ruling, candidate, "its function is too long to be shown whole")
    place = _place(ruling.quote, candidate, batch.parts, sources)
    return replace(ruling, place=place) if place else _unfounded(ruling, candidate, _lacking(ruling.quote))


def _unfounded(ruling: Ruling, candidate: Candidate, why: str) -> Ruling:
    """It says as little about how sure the finding is."""
    reason = f"its refutation does not count, since {why}: {ruling.reason}"
    return replace(
        ruling, verdict="unsure", reason=reason, confidence=candidate.finding.confidence, severity=None, void=why
    )


def _lacking(quote: str) -> str:
    return "what it quotes is not in the code shown" if _TELLING.search(quote) else "it quotes no line of the code"


def _place(quote: str, candidate: Candidate, parts: Sequence[Part], sources: Mapping[str, Source]) -> str:
    """`file:line` of what is quoted, in the finding's own file if it is there; empty when it was not shown."""
    if not _TELLING.search(quote):
        return ""
    own = candidate.finding
    for part in sorted(parts, key=lambda part: (part.file != own.file, abs(part.first - own.line))):
        line = _line(quote[:_MOST_QUOTED], part, sources[part.file], own.line if part.file == own.file else part.first)
        if line:
            return f"{part.file}:{line}"
    return ""


def _line(quote: str, part: Part, source: Source, near: int) -> int:
    """The first line of the nearest place in the part that holds the quotation; 0 if none does."""
    removed = {n - part.first + 1: gone for n, gone in source.removed.items() if part.first <= n <= part.last + 1}
    shown = Searched(Source(part.file, source.lines[part.first - 1 : part.last], removed=removed))
    for freely in (False, True):
        for place in shown.places(quote, max(1, near - part.first + 1), freely=freely):
            return part.first + place.first - 1
    return 0
