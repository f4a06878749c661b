"""What is remembered of findings that were told before: in a baseline, in a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentflow.domain.findings import Answer, Finding, Severity
from agentflow.domain.reviews import Commented, Remembered
from agentflow.review.claims import claim_of
from agentflow.review.fingerprints import digest, fingerprinted, former_fingerprints
from agentflow.review.identity import Identity, Read, identity_of, read_back, written
from agentflow.review.recognising import recognised


def recalled(one: Remembered) -> Identity:
    """The identity as it was written down; of an older report as far as its words and its fingerprint tell it."""
    if (identity := read_back(one.file, one.identity)) is not None:
        return identity
    severity = Severity(one.severity) if one.severity in set(Severity) else None
    claim = claim_of(one.rule, one.title, one.message, one.code, severity)
    return Identity(one.file, claim, None, frozenset({one.fingerprint}))


def present(finding: Finding, read: Read) -> Identity:
    """The identity of a finding of this review, ready to be compared with those remembered, old ones included."""
    return replace(identity_of(finding, read), former=former_fingerprints(finding, read))


def named(
    findings: Sequence[Finding], remembered: Sequence[Remembered], read: Mapping[str, Read]
) -> list[tuple[str, str, bool]]:
    """For each finding its fingerprint, its identity in writing, and whether it is remembered.

    What is remembered keeps the fingerprint that it had.
    """
    identities = [present(finding, read[finding.file]) for finding in findings]
    found = recognised(identities, [recalled(one) for one in remembered], read)
    kept = {n: remembered[m].fingerprint for n, m in found.items()}
    fresh = fingerprinted(findings, read)
    taken = set(kept.values())
    return [
        (kept.get(n) or _free(fresh[n], taken), written(identity), n in kept) for n, identity in enumerate(identities)
    ]


def answered(findings: Sequence[Finding], comments: Sequence[Commented], read: Mapping[str, Read]) -> dict[int, Answer]:
    """By its index, what a person said to the comment that stands on a finding, where somebody did."""
    identities = [present(finding, read[finding.file]) for finding in findings] if comments else []
    found = recognised(identities, [recalled(one.finding) for one in comments], read)
    answers = {n: comments[m].answer for n, m in found.items()}
    return {n: answer for n, answer in answers.items() if answer is not None}


def _free(fingerprint: str, taken: set[str]) -> str:
    """Another one, where it belongs to a finding that is remembered."""
    while fingerprint in taken:
        fingerprint = digest((fingerprint, "again"))
    return fingerprint
