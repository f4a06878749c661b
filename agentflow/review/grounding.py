"""Grounding: a finding is believed only as far as the file holds what it cites."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agentflow.domain.findings import Finding
from agentflow.domain.redaction import MARK
from agentflow.domain.reviews import Excerpt, Part
from agentflow.review.naming import Names
from agentflow.review.placing import Place, Searched
from agentflow.review.reaching import Reach
from agentflow.review.restoring import restored, restored_code
from agentflow.review.source import Source, Span, joined, meets
from agentflow.review.suggesting import fitted
from agentflow.review.text import lines_of

MAX_TITLE = 200
MAX_MESSAGE = 4000
MAX_EVIDENCE = 2000
MAX_SUGGESTION = 4000
MAX_RULE = 60


#: A line number so far past the file's end is still taken for a miscount.
SLIP = 5


@dataclass(frozen=True, slots=True)
class Grounded:
    """Findings on lines that hold their evidence, and the others as they came, each with what is wrong with it."""

    kept: tuple[Finding, ...]
    voided: tuple[tuple[Finding, str], ...]


def ground(
    findings: Sequence[Finding],
    sources: Mapping[str, Source],
    parts: Sequence[Part] | None = None,
    excerpts: Sequence[Excerpt] = (),
) -> Grounded:
    """Find the places that findings speak of; with `parts`, only these files and `excerpts` were shown to who reports.

    The quotation decides, read strictly first and then ever more freely; names and line numbers only help: `file`
    becomes the real path, and a finding moves to the nearest place that holds its evidence. Void is what occurs
    nowhere, what may be in several places when the number is of no help, and in a diff what touches no change and
    nothing that the changes reach or rest on. What is quoted from an excerpt alone is found there.
    """
    read = sources.keys() if parts is None else {part.file for part in parts}
    beside = {excerpt.part.file for excerpt in excerpts}
    shelf = _Shelf({path: source for path, source in sources.items() if path in read or path in beside}, read, excerpts)
    kept: list[Finding] = []
    voided: list[tuple[Finding, str]] = []
    for finding in findings:
        result = _grounded(finding, shelf)
        if isinstance(result, Finding):
            kept.append(result)
        else:
            voided.append((finding, result))
    return Grounded(tuple(kept), tuple(voided))


class _Shelf:
    """The files that were shown, those in `read` as what is under review, of others excerpts alone."""

    def __init__(self, sources: Mapping[str, Source], read: Collection[str], excerpts: Sequence[Excerpt]) -> None:
        self._sources = sources
        self._read = [path for path in sources if path in read]
        self._excerpts: dict[str, list[Span]] = {}
        for excerpt in excerpts:
            self._excerpts.setdefault(excerpt.part.file, []).append((excerpt.part.first, excerpt.part.last))
        self._names = Names(sources)
        self._searched: dict[str, Searched] = {}
        self.reach = Reach(sources.values())

    def meant(self, name: str) -> tuple[str, ...]:
        """The files of that name; without a name the only one that is under review."""
        return self._names.meant(name) if name.strip() or len(self._read) > 1 else tuple(self._read)

    def source(self, path: str) -> Source:
        return self._sources[path]

    def open(self, path: str) -> Searched:
        if path not in self._searched:
            self._searched[path] = Searched(self._sources[path])
        return self._searched[path]

    def held(self, paths: Iterable[str], evidence: str, near: int) -> dict[str, list[Place]]:
        """Where the evidence stands in these files; in one under review, if there is one."""
        held = {path: places for path in paths if (places := self._places(path, evidence, near))}
        return {path: places for path, places in held.items() if path in self._read} or held

    def excerpted(self, evidence: str) -> dict[str, list[Place]]:
        """Where the evidence stands in excerpts, if it stands in one place alone."""
        held = self.held(self._excerpts, evidence, 1)
        places = {(path, place.first) for path, some in held.items() for place in some}
        return held if len(places) == 1 else {}

    def is_excerpted(self, path: str, lines: Iterable[int]) -> bool:
        spans = joined(self._excerpts.get(path, ()))
        return any(meets(spans, line, line) for line in lines)

    def _places(self, path: str, evidence: str, near: int) -> list[Place]:
        """By the strictest reading that finds it; of a file that is not under review, only what was shown counts."""
        found = self._found(path, evidence, near)
        return found if path in self._read else [place for place in found if self.is_excerpted(path, place.lines)]

    def _found(self, path: str, evidence: str, near: int) -> list[Place]:
        searched, own = self.open(path), ""
        for freely in (False, True):
            if places := [*searched.places(evidence, near, freely=freely)]:
                return places
            own = own or self._own_lines(evidence, searched)
            if places := [*searched.places(own, near, freely=freely)]:
                return places
        return []

    def _own_lines(self, evidence: str, searched: Searched) -> str:
        """The evidence without names of files and without lines that only other files have.

        A defect between two files is often proved with lines of both.
        """
        lines = (
            line for line in lines_of(evidence) if line.strip() and not self._names.meant(line.strip().rstrip(":"))
        )
        return "\n".join(line for line in lines if searched.holds(line) or not self._holds(line))

    def _holds(self, line: str) -> bool:
        return any(self.open(path).holds(line) for path in self._sources)


def _grounded(finding: Finding, shelf: _Shelf) -> Finding | str:
    """The finding on lines that hold its evidence, or what is wrong with it."""
    trimmed, meant = _trimmed(finding), shelf.meant(finding.file)
    held = shelf.held(meant, trimmed.evidence, trimmed.line)
    if meant and not held and (found := shelf.excerpted(trimmed.evidence)):
        ((path, (place, *_)),) = found.items()
        return _restored(replace(_spanned(trimmed, place, path), elsewhere=True, suggestion=None), shelf.source(path))
    if len(held) != 1:
        return _nowhere(trimmed, meant, held)
    ((path, places),) = held.items()
    searched = shelf.open(path)
    aimed = _aimed(replace(trimmed, file=path), len(searched.source.lines))
    best = sorted(places, key=lambda place: _order(place, aimed, searched))
    if _is_lost(trimmed, searched) and _are_several(best, searched):
        return "its evidence stands in several places, and its line is in none of them"
    is_sound = (aimed.line, aimed.end_line) == (trimmed.line, trimmed.end_line)
    placed = _moved(aimed, best[0], searched) if is_sound else _spanned(trimmed, best[0], path)
    if placed.elsewhere or best[0].removed or searched.touches_change(placed.line, placed.last_line):
        return _restored(placed, searched.source)
    if shelf.reach.includes(path, best[0].lines) or shelf.is_excerpted(path, best[0].lines):
        return _restored(replace(placed, elsewhere=True), searched.source)
    return "it touches no changed line, and no change reaches it"


def _nowhere(finding: Finding, meant: Sequence[str], held: Mapping[str, object]) -> str:
    if not meant:
        return "it names a file that was not shown"
    if held:
        return "several files of that name hold its evidence"
    return "its evidence does not occur in the file" if finding.evidence.strip() else "it gives no evidence"


def _is_lost(finding: Finding, searched: Searched) -> bool:
    """Whether its line number is too far from the file's lines to say anything."""
    return not 1 <= finding.line <= len(searched.source.lines) + SLIP


def _are_several(best: Sequence[Place], searched: Searched) -> bool:
    """Whether the first of these places is not the only one of its kind."""
    changed, rank = searched.touches_change(best[0].first, best[0].last), best[0].rank
    alike = (p for p in best if p.rank == rank and searched.touches_change(p.first, p.last) is changed)
    return len({place.first for place in alike}) > 1


def _aimed(finding: Finding, last: int) -> Finding:
    """The finding on lines of the file: a span that is reversed or too long, or a line out of reach, says no length."""
    line = max(1, min(finding.line, last))
    sound = finding.line == line and line <= finding.last_line <= last
    return finding if sound else replace(finding, line=line, end_line=None)


def _order(place: Place, finding: Finding, searched: Searched) -> tuple[bool, bool, int, int, int]:
    """The cited place first, then one under review, then by exactness, distance and length."""
    gap = place.gap(finding)
    reviewed = finding.elsewhere or place.removed or searched.touches_change(place.first, place.last)
    return gap > 0, not reviewed, place.rank, gap, place.last - place.first


def _moved(finding: Finding, place: Place, searched: Searched) -> Finding:
    """The finding on lines of the place, as long as before but within it; unmoved if its own lines will do.

    A suggestion replaces exactly the cited lines, so it is dropped unless they are still as many as the evidence has.
    """
    settled = finding.elsewhere or place.removed or searched.touches_change(finding.line, finding.last_line)
    if not place.gap(finding) and (settled or not searched.touches_change(place.first, place.last)):
        return finding
    first = next((line for line in place.lines if searched.touches_change(line, line)), place.first)
    last = min(first + finding.last_line - finding.line, place.last)
    whole = last - first == finding.last_line - finding.line == place.last - place.first
    return replace(
        finding,
        line=first,
        end_line=last if last > first else None,
        suggestion=finding.suggestion if whole else None,
    )


def _spanned(finding: Finding, place: Place, path: str) -> Finding:
    """The finding on all lines of the place; its suggestion only if it was for so many."""
    length, last = abs(finding.last_line - finding.line), place.last if place.last > place.first else None
    suggestion = finding.suggestion if length == place.last - place.first else None
    return replace(finding, file=path, line=place.first, end_line=last, suggestion=suggestion)


def _restored(finding: Finding, source: Source) -> Finding:
    """The finding with evidence and suggestion in the file's own characters, however they were shown.

    A suggestion that would break the file is none.
    """
    cited = source.lines[finding.line - 1 : finding.last_line]
    code = None if source.read is not None else finding.suggestion  # what stands in a notebook is JSON
    true = code and restored_code(code, cited, source.lines)
    suggestion = true and fitted(true, source, finding.line, finding.last_line)
    evidence = restored(finding.evidence, cited, source.lines)
    return replace(finding, evidence=evidence, suggestion=suggestion)


def _trimmed(finding: Finding) -> Finding:
    """The finding with texts of a sane length and a rule of `[a-z0-9-]` only. Half a suggestion would be wrong code.

    So would one that has something else where a secret stands.
    """
    return replace(
        finding,
        rule=_slug(finding.rule) or finding.category.value,
        title=finding.title[:MAX_TITLE],
        message=finding.message[:MAX_MESSAGE],
        evidence=_whole_lines(finding.evidence),
        suggestion=finding.suggestion if _is_usable(finding.suggestion or "") else None,
    )


def _is_usable(suggestion: str) -> bool:
    return len(suggestion) <= MAX_SUGGESTION and MARK not in suggestion


def _whole_lines(evidence: str) -> str:
    """As many of its lines as are allowed; of a single longer one, its beginning."""
    cut = evidence[: MAX_EVIDENCE + 1]
    return evidence if len(cut) <= MAX_EVIDENCE else cut.rpartition("\n")[0] or cut[:MAX_EVIDENCE]


def _slug(rule: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", rule.lower()).strip("-")[:MAX_RULE].strip("-")
