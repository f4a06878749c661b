"""Joining: findings that say the same become one candidate, and none of them is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

from agentflow.domain.findings import Finding, Severity
from agentflow.review.claims import Claim, claim_of
from agentflow.review.definitions import enclosing
from agentflow.review.recognising import sameness
from agentflow.review.source import Source

#: Lines that two reports of one defect may be apart.
NEAR = 2
#: Lines that two findings of one group may be apart.
BESIDE = 10
#: Words that two titles of one defect share, of all their words.
ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of findings that a synthesizer calls one defect, and its severity; None: it gives none.

    `reason` is why that is lower than what was reported.
    """

    members: tuple[int, ...]
    severity: Severity | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that waits for its verdict. `readers` are the sessions that reported or confirmed it, each once.

    `members` are the others that it speaks for. `lower` is a severity below the reported one that somebody proposes,
    with the reason: it counts when a second reader agrees.
    """

    number: int
    finding: Finding
    readers: tuple[str, ...] = ()
    members: tuple[Finding, ...] = ()
    lower: Severity | None = None
    reason: str = ""

    @property
    def agreement(self) -> int:
        """How many readers agree. One that repeats itself is one; what a machine found has no other."""
        return max(1, len(self.readers))


class _Report(NamedTuple):
    reader: str
    finding: Finding


def join_repeats(reported: Mapping[str, Sequence[Finding]]) -> tuple[Candidate, ...]:
    """Candidates numbered from 1 by file and line, without plain repeats of the same defect at the same place.

    `reported` holds what each reader, by the name of its session, reports. The surest report speaks for those that
    repeat it, with the worst severity among them. Repeats do not chain: each one repeats the speaker itself.
    """
    reports = [_Report(reader, finding) for reader, findings in reported.items() for finding in findings]
    ordered = sorted(reports, key=lambda r: (r.finding.file, -r.finding.confidence, r.finding.line))
    groups = [group for _, some in groupby(ordered, key=lambda r: r.finding.file) for group in _grouped(some)]
    groups.sort(key=lambda group: (group[0].finding.file, group[0].finding.line))
    return tuple(_candidate(n, group) for n, group in enumerate(groups, start=1))


def _candidate(number: int, group: Sequence[_Report]) -> Candidate:
    first, *others = (report.finding for report in group)
    readers = dict.fromkeys(report.reader for report in group)
    return Candidate(number, replace(first, severity=_worst((first, *others))), tuple(readers), tuple(others))


def apply_groups(
    candidates: Sequence[Candidate], groups: Sequence[Group], beside: Callable[[Finding, Finding], bool]
) -> tuple[Candidate, ...]:
    """The candidates after a synthesizer's answer, by number: the first member of a group speaks for all beside it.

    It keeps its number, and has the highest confidence and the worst severity among them. A group's severity counts
    when it is worse than that; a better one, which must have a reason, is only proposed. Unknown numbers do not count,
    one in two groups belongs to the first, and one in none or not beside the first of its own stays as it is.
    """
    waiting = {candidate.number: candidate for candidate in candidates}
    joined = [_spoken(members, group) for members, group in _taken(waiting, groups, beside)]
    return tuple(sorted([*joined, *waiting.values()], key=lambda candidate: candidate.number))


def neighbours(sources: Mapping[str, Source]) -> Callable[[Finding, Finding], bool]:
    """Whether two findings may be one defect by their places: a few lines apart, or in one definition."""

    def beside(one: Finding, other: Finding) -> bool:
        if one.file != other.file:
            return False
        if max(one.line, other.line) - min(one.last_line, other.last_line) <= BESIDE:
            return True
        holders = {enclosing(sources[each.file].lines, each.line) for each in (one, other)}
        return len(holders) == 1 and "" not in holders

    return beside


def _grouped(reports: Iterable[_Report]) -> list[list[_Report]]:
    """Reports of one file, each with the first speaker that it repeats; the surest come first."""
    groups: list[list[_Report]] = []
    for report in reports:
        group = next((group for group in groups if _repeats(report.finding, group[0].finding)), None)
        if group is None:
            groups.append([report])
        else:
            group.append(report)
    return groups


def _repeats(one: Finding, other: Finding) -> bool:
    apart = max(one.line, other.line) - min(one.last_line, other.last_line)
    return apart <= NEAR and _says_the_same(one, other)


def _says_the_same(one: Finding, other: Finding) -> bool:
    named = one.rule == other.rule or _likeness(one.title, other.title) >= ALIKE
    return named and sameness(_claim(one), _claim(other)) > 0


def _claim(finding: Finding) -> Claim:
    return claim_of(finding.rule, finding.title, finding.message, finding.evidence, finding.severity)


def _likeness(one: str, other: str) -> float:
    """Common words of two titles, of all their words."""
    words, others = set(re.findall(r"\w+", one.lower())), set(re.findall(r"\w+", other.lower()))
    return len(words & others) / max(len(words | others), 1)


def _worst(group: Iterable[Finding]) -> Severity:
    return min((finding.severity for finding in group), key=lambda severity: severity.rank)


def _taken(
    waiting: dict[int, Candidate], groups: Sequence[Group], beside: Callable[[Finding, Finding], bool]
) -> Iterator[tuple[list[Candidate], Group]]:
    """The members of each group that are beside its first one, taken from those that wait."""
    for group in groups:
        known = [waiting[number] for number in dict.fromkeys(group.members) if number in waiting]
        members = [one for one in known if one is known[0] or beside(known[0].finding, one.finding)]
        for one in members:
            del waiting[one.number]
        if members:
            yield members, group


def _spoken(members: Sequence[Candidate], group: Group) -> Candidate:
    first, *others = members
    reported = _worst(member.finding for member in members)
    given = group.severity or reported
    lower = given if given.rank > reported.rank and group.reason else None
    severity = given if given.is_at_least(reported) else reported
    confidence = max(member.finding.confidence for member in members)
    absorbed = (finding for one in others for finding in (one.finding, *one.members))
    return Candidate(
        first.number,
        replace(first.finding, severity=severity, confidence=confidence),
        tuple(dict.fromkeys(reader for member in members for reader in member.readers)),
        (*first.members, *absorbed),
        lower,
        group.reason if lower else "",
    )
