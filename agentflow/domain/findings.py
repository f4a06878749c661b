"""Findings: what reviewers report, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)

    def is_at_least(self, other: Severity) -> bool:
        return self.rank <= other.rank


class Category(StrEnum):
    """What sort of defect it is."""

    BUG = "bug"
    SECURITY = "security"
    PERFORMANCE = "performance"
    CONCURRENCY = "concurrency"
    API = "api"
    TESTS = "tests"
    STYLE = "style"


class Verified(StrEnum):
    """What re-reading the code said. `unverified`: the session that should have told gave no answer."""

    CONFIRMED = "confirmed"
    UNSURE = "unsure"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Finding:
    """One review result, as an agent reports it.

    `file` is relative to the repository's root; `line` and `end_line` are 1-based and inclusive, in the reviewed
    version; `end_line` is None for a single line. `confidence` is from 0 to 1. `suggestion` replaces exactly those
    lines. `elsewhere` marks, in a review of a diff, a defect that the change causes on lines it does not touch.
    """

    rule: str
    title: str
    message: str
    file: str
    line: int
    end_line: int | None
    severity: Severity
    category: Category
    confidence: float
    evidence: str
    suggestion: str | None = None
    elsewhere: bool = False

    @property
    def last_line(self) -> int:
        return self.end_line or self.line


class Why(StrEnum):
    """Why a finding is not told as one. `merged`: another one, at the same place, says the same."""

    VOID = "void"
    REFUTED = "refuted"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A finding as it was when it was dropped, with the reason and who gave it.

    `into`: the fingerprint of the one that speaks for it. `identity`: as in `ReviewedFinding`, of what was refuted.
    """

    why: Why
    finding: Finding
    reason: str
    by: str
    into: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A severity below the one that was reported, on which two readers agreed, and the reason."""

    fingerprint: str
    reported: Severity
    severity: Severity
    reason: str


class How(StrEnum):
    """How a person answered a comment on a finding. `dismissed`: the comment is hidden, or its review dismissed."""

    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    REPLIED = "replied"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said to a finding on a pull request, `by` a login, empty where GitHub does not tell it.

    `accepted`: the person may write to the repository and closed the matter, so the finding fails nothing any more.
    """

    how: How
    by: str
    url: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """A finding that survived synthesis and verification.

    `fingerprint` stays the same while the code it points at moves. `agreement` counts the sessions that reported or
    confirmed it. `code` holds the cited lines as they are. `suppression` is the reason given in the code for ignoring
    it, None when it is not ignored. `known`: the baseline has it. `line_hash`: GitHub's own hash of its first line.
    `identity`: by what it is known again in a later review, in writing (`agentflow.review.identity`). `answer`: what a
    person said to it on the pull request.
    """

    finding: Finding
    fingerprint: str
    verified: Verified
    agreement: int = 1
    code: str = ""
    suppression: str | None = None
    known: bool = False
    line_hash: str = ""
    identity: str = ""
    answer: Answer | None = None
