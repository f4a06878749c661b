"""Joining: findings that say the same become one candidate, and none of them is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from agentflow.domain.findings import Finding, Severity

#: Lines that two reports of one defect may be apart.
NEAR = 2
#: Words that two titles of one defect share, of all their words.
ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that waits for its verdict. `agreement` counts the reports it stands for, its own included."""

    number: int
    finding: Finding
    agreement: int = 1


def join_repeats(findings: Sequence[Finding]) -> tuple[Candidate, ...]:
    """Candidates numbered from 1 by file and line, without plain repeats of the same defect at the same place.

    The surest report speaks for those that repeat it, with the worst severity among them. Repeats do not chain: each
    one repeats the speaker itself.
    """
    ordered = sorted(findings, key=lambda f: (f.file, -f.confidence, f.line))
    groups = [group for _, some in groupby(ordered, key=lambda f: f.file) for group in _grouped(some)]
    groups.sort(key=lambda group: (group[0].file, group[0].line))
    return tuple(Candidate(n, _worst(group), len(group)) for n, group in enumerate(groups, start=1))


def apply_groups(
    candidates: Sequence[Candidate], groups: Sequence[tuple[tuple[int, ...], Severity]]
) -> tuple[Candidate, ...]:
    """The candidates after a synthesizer's answer, by number: the first member of a group speaks for all of it.

    It keeps its number, has the group's severity and the highest confidence in it. Unknown numbers do not count, one in
    two groups belongs to the first, and one in none stays as it is.
    """
    waiting = {candidate.number: candidate for candidate in candidates}
    joined = [_spoken(members, severity) for members, severity in _taken(waiting, groups)]
    return tuple(sorted([*joined, *waiting.values()], key=lambda candidate: candidate.number))


def _grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Reports of one file, each with the first speaker that it repeats; the surest come first."""
    groups: list[list[Finding]] = []
    for finding in findings:
        group = next((group for group in groups if _repeats(finding, group[0])), None)
        if group is None:
            groups.append([finding])
        else:
            group.append(finding)
    return groups


def _repeats(one: Finding, other: Finding) -> bool:
    apart = max(one.line, other.line) - min(one.last_line, other.last_line)
    same = one.rule == other.rule or (one.category is other.category and _likeness(one.title, other.title) >= ALIKE)
    return apart <= NEAR and same


def _likeness(one: str, other: str) -> float:
    """Common words of two titles, of all their words."""
    words, others = set(re.findall(r"\w+", one.lower())), set(re.findall(r"\w+", other.lower()))
    return len(words & others) / max(len(words | others), 1)


def _worst(group: Sequence[Finding]) -> Finding:
    return replace(group[0], severity=min((finding.severity for finding in group), key=lambda s: s.rank))


def _taken(
    waiting: dict[int, Candidate], groups: Sequence[tuple[tuple[int, ...], Severity]]
) -> Iterator[tuple[list[Candidate], Severity]]:
    """The members of each group, taken from those that wait."""
    for numbers, severity in groups:
        if members := [waiting.pop(number) for number in numbers if number in waiting]:
            yield members, severity


def _spoken(members: Sequence[Candidate], severity: Severity) -> Candidate:
    confidence = max(member.finding.confidence for member in members)
    finding = replace(members[0].finding, severity=severity, confidence=confidence)
    return replace(members[0], finding=finding, agreement=sum(member.agreement for member in members))
