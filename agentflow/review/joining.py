"""Joining: findings that say the same become one candidate, and none of them is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

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
    """A finding that waits for its verdict. `agreement` counts the reports it stands for, its own included.

    `members` are the others that it speaks for. `lower` is a severity below the reported one that somebody proposes,
    with the reason: it counts when a second reader agrees.
    """

    number: int
    finding: Finding
    agreement: int = 1
    members: tuple[Finding, ...] = ()
    lower: Severity | None = None
    reason: str = ""


def join_repeats(findings: Sequence[Finding]) -> tuple[Candidate, ...]:
    """Candidates numbered from 1 by file and line, without plain repeats of the same defect at the same place.

    The surest report speaks for those that repeat it, with the worst severity among them. Repeats do not chain: each
    one repeats the speaker itself.
    """
    ordered = sorted(findings, key=lambda f: (f.file, -f.confidence, f.line))
    groups = [group for _, some in groupby(ordered, key=lambda f: f.file) for group in _grouped(some)]
    groups.sort(key=lambda group: (group[0].file, group[0].line))
    return tuple(
        Candidate(n, replace(group[0], severity=_worst(group)), len(group), tuple(group[1:]))
        for n, group in enumerate(groups, start=1)
    )


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
        sum(member.agreement for member in members),
        (*first.members, *absorbed),
        lower,
        group.reason if lower else "",
    )
