"""Grounding: a finding is believed only as far as the file holds what it cites."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agentflow.domain.findings import Finding
from agentflow.domain.redaction import MARK
from agentflow.domain.reviews import Part
from agentflow.domain.text import shown
from agentflow.review.placing import Place, Searched
from agentflow.review.showing import shown_name
from agentflow.review.source import Source
from agentflow.review.text import lines_of

MAX_TITLE = 200
MAX_MESSAGE = 4000
MAX_EVIDENCE = 2000
MAX_SUGGESTION = 4000
MAX_RULE = 60


@dataclass(frozen=True, slots=True)
class Grounded:
    """Findings on lines that hold their evidence, and the others as they came, each with what is wrong with it."""

    kept: tuple[Finding, ...]
    voided: tuple[tuple[Finding, str], ...]


def ground(findings: Sequence[Finding], sources: Mapping[str, Source], parts: Sequence[Part] | None = None) -> Grounded:
    """Check findings against the reviewed files; with `parts`, only these were shown to who reports.

    `file` becomes the real path. A finding whose evidence stands elsewhere in the file moves to its nearest occurrence,
    for models miscount lines; what does not occur at all is void. In a diff so is what touches no change.
    """
    read = sources.keys() if parts is None else {part.file for part in parts}
    shelf = _Shelf({path: source for path, source in sources.items() if path in read})
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
    """The files that were shown."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._names = {name: path for path in sources for name in (shown(path), shown_name(path))}
        self._searched: dict[str, Searched] = {}

    def path(self, name: str) -> str | None:
        """The file of that name, which may stand as diffs and shells put it."""
        spellings = (name, *(name.removeprefix(prefix) for prefix in ("./", "a/", "b/")))
        return next((self._names[spelling] for spelling in spellings if spelling in self._names), None)

    def open(self, path: str) -> Searched:
        if path not in self._searched:
            self._searched[path] = Searched(self._sources[path])
        return self._searched[path]

    def own_lines(self, evidence: str, searched: Searched) -> str:
        """The evidence without names of files and without lines that only other files have.

        A defect between two files is often proved with lines of both.
        """
        lines = (line for line in lines_of(evidence) if line.strip() and not self.path(line.strip().rstrip(":")))
        return "\n".join(line for line in lines if searched.holds(line) or not self._holds(line))

    def _holds(self, line: str) -> bool:
        return any(self.open(path).holds(line) for path in self._sources)


def _grounded(finding: Finding, shelf: _Shelf) -> Finding | str:
    """The finding on lines that hold its evidence, or what is wrong with it."""
    path = shelf.path(finding.file)
    if path is None:
        return "it names a file that was not shown"
    searched, trimmed = shelf.open(path), _trimmed(replace(finding, file=path))
    if wrong := _wrong_lines(finding, searched.source):
        return wrong
    places = [*searched.places(trimmed.evidence, trimmed.line)]
    places = places or [*searched.places(shelf.own_lines(trimmed.evidence, searched), trimmed.line)]
    if not places:
        return "its evidence does not occur in the file" if trimmed.evidence.strip() else "it gives no evidence"
    place = min(places, key=lambda place: _order(place, trimmed, searched))
    placed = _moved(trimmed, place, searched)
    touches = placed.elsewhere or place.removed or searched.touches_change(placed.line, placed.last_line)
    return placed if touches else "it touches no changed line"


def _wrong_lines(finding: Finding, source: Source) -> str | None:
    if finding.last_line < finding.line:
        return f"it ends on line {finding.last_line}, before its first line {finding.line}"
    if finding.line < 1 or finding.last_line > len(source.lines):
        return f"it cites line {finding.last_line} of a file with {len(source.lines)} lines"
    return None


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
    if settled and not place.gap(finding):
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
