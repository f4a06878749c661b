"""Rulings: what the verdicts of verifiers make of findings. No single one drops a grave finding or lowers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentflow.domain.findings import Severity, Verified
from agentflow.review.joining import Candidate

Verdict = Literal["confirmed", "refuted", "unsure"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verifier's answer on one candidate, by a tier. `confidence`: the probability that the author would agree.

    `severity` is the one that it would give, None when it gives none. `quote` is the code that it rests on, and `place`
    where that stands, as `file:line`. `void`: why its refutation does not count, empty when it does or is none.
    """

    number: int
    verdict: Verdict
    reason: str
    confidence: float
    by: str = ""
    severity: Severity | None = None
    quote: str = ""
    place: str = ""
    void: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What is left after verification, and what it refuted, with the rulings that did."""

    kept: tuple[tuple[Candidate, Verified], ...]
    refuted: tuple[tuple[Candidate, tuple[Ruling, ...]], ...]


def is_contested(candidate: Candidate, ruling: Ruling | None) -> bool:
    """Whether a grave finding needs a second ruling, by a stronger model: whatever does not confirm it is checked."""
    grave = candidate.finding.severity.is_at_least(Severity.HIGH)
    return grave and (ruling is None or ruling.verdict != "confirmed")


def one_each(rulings: Iterable[Ruling]) -> tuple[Ruling, ...]:
    """One ruling for each number. Several that agree are one, and several that do not are unsure."""
    return tuple(_joined(some) for some in _by_number(rulings).values())


def settle(candidates: Sequence[Candidate], rulings: Iterable[Ruling]) -> Settled:
    """Apply the rulings, in the order in which they were given. A candidate without one stays as it was, unverified.

    The last ruling counts; but a grave finding is only refuted by two, the second of which checked the first.
    """
    by_number = _by_number(rulings)
    judged = [(candidate, by_number.get(candidate.number, [])) for candidate in candidates]
    kept = (_ruled(candidate, given) for candidate, given in judged if not _is_refuted(candidate, given))
    refuted = ((candidate, tuple(given)) for candidate, given in judged if _is_refuted(candidate, given))
    return Settled(tuple(kept), tuple(refuted))


def _by_number(rulings: Iterable[Ruling]) -> dict[int, list[Ruling]]:
    by_number: dict[int, list[Ruling]] = {}
    for ruling in rulings:
        by_number.setdefault(ruling.number, []).append(ruling)
    return by_number


def _joined(same: Sequence[Ruling]) -> Ruling:
    first = max(same, key=lambda ruling: ruling.confidence)
    severities = [ruling.severity for ruling in same if ruling.severity]
    worst = min(severities, key=lambda severity: severity.rank) if severities else None
    if len({ruling.verdict for ruling in same}) == 1:
        return replace(first, severity=worst)
    reasons = " / ".join(f"{ruling.verdict}: {ruling.reason}" for ruling in same)
    return replace(first, verdict="unsure", reason=f"the verifier contradicts itself: {reasons}", severity=None)


def _is_refuted(candidate: Candidate, rulings: Sequence[Ruling]) -> bool:
    needed = 2 if candidate.finding.severity.is_at_least(Severity.HIGH) else 1
    against = sum(ruling.verdict == "refuted" for ruling in rulings)
    return against >= needed and rulings[-1].verdict == "refuted"


def _ruled(candidate: Candidate, rulings: Sequence[Ruling]) -> tuple[Candidate, Verified]:
    if not rulings:
        return replace(candidate, lower=None), Verified.UNVERIFIED
    ruling, finding = rulings[-1], candidate.finding
    if ruling.verdict != "confirmed":
        confidence = finding.confidence if ruling.verdict == "refuted" else min(finding.confidence, ruling.confidence)
        return replace(candidate, finding=replace(finding, confidence=confidence), lower=None), Verified.UNSURE
    lower = _agreed(candidate, ruling)
    confirmed = replace(finding, confidence=ruling.confidence, severity=lower or finding.severity)
    readers = tuple(dict.fromkeys((*candidate.readers, ruling.by)))
    return replace(candidate, finding=confirmed, readers=readers, lower=lower), Verified.CONFIRMED


def _agreed(candidate: Candidate, ruling: Ruling) -> Severity | None:
    """The severity below the reported one that both readers name, or the worse of theirs; None where they do not."""
    if candidate.lower is None or ruling.severity is None:
        return None
    worse = min(candidate.lower, ruling.severity, key=lambda severity: severity.rank)
    return worse if worse.rank > candidate.finding.severity.rank else None
