"""What of a review's findings is shown, and whether they fail it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.domain.findings import ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import ReviewSpec


@dataclass(frozen=True, slots=True)
class Selection:
    """All findings of a review in groups, each worst first.

    `shown` are new, believed and not suppressed; `cut` would be, but for `--max-findings`; `doubtful` are below the
    confidence asked for; `known` are in the baseline; `suppressed` are ignored in the code; `accepted` were closed on
    the pull request by a person who may do so.
    """

    shown: tuple[ReviewedFinding, ...]
    cut: tuple[ReviewedFinding, ...]
    doubtful: tuple[ReviewedFinding, ...]
    known: tuple[ReviewedFinding, ...]
    suppressed: tuple[ReviewedFinding, ...]
    accepted: tuple[ReviewedFinding, ...] = ()

    @property
    def everything(self) -> tuple[ReviewedFinding, ...]:
        return (*self.shown, *self.cut, *self.doubtful, *self.known, *self.suppressed, *self.accepted)

    @property
    def answered(self) -> tuple[ReviewedFinding, ...]:
        """Those to which a person said something on the pull request, accepted or not."""
        return tuple(one for one in self.everything if one.answer is not None)

    def failing(self, fail_on: Severity | None) -> tuple[ReviewedFinding, ...]:
        """Those at or above the threshold, also when they are cut. What stayed unsure is shown, but fails nothing."""
        if fail_on is None:
            return ()
        found = (*self.shown, *self.cut)
        return tuple(f for f in found if f.finding.severity.is_at_least(fail_on) and f.verified is not Verified.UNSURE)

    def unsure(self, fail_on: Severity | None) -> tuple[ReviewedFinding, ...]:
        """Those at or above the threshold that do not fail: left unsure, or below the confidence asked for."""
        if fail_on is None:
            return ()
        found = (*(one for one in (*self.shown, *self.cut) if one.verified is Verified.UNSURE), *self.doubtful)
        return tuple(one for one in found if one.finding.severity.is_at_least(fail_on))


def select(findings: Sequence[ReviewedFinding], spec: ReviewSpec) -> Selection:
    """Sort and group the findings by what the review was asked for."""
    ordered = sorted(findings, key=_order)
    suppressed = [f for f in ordered if f.suppression is not None]
    known = [f for f in ordered if f.suppression is None and f.known]
    new = [f for f in ordered if f.suppression is None and not f.known]
    accepted = [f for f in new if f.answer is not None and f.answer.accepted]
    fresh = [f for f in new if f.answer is None or not f.answer.accepted]
    believed = [f for f in fresh if f.finding.confidence >= spec.min_confidence]
    doubtful = [f for f in fresh if f.finding.confidence < spec.min_confidence]
    limit = len(believed) if spec.max_findings is None else spec.max_findings
    shown, cut = believed[:limit], believed[limit:]
    return Selection(tuple(shown), tuple(cut), tuple(doubtful), tuple(known), tuple(suppressed), tuple(accepted))


def _order(reviewed: ReviewedFinding) -> tuple[int, bool, float, str, int]:
    finding = reviewed.finding
    return (
        finding.severity.rank,
        reviewed.verified is Verified.UNSURE,
        -finding.confidence,
        finding.file,
        finding.line,
    )
