"""What both people's forms, text and Markdown, say about a review. Plain text: names and models' words as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import ReviewedFinding, Verified
from agentflow.domain.reviews import Mode, Skipped
from agentflow.report.figures import counted
from agentflow.report.reviews.loading import Review

#: Reasons for skipping that are told one by one; the others are only counted.
_REASONS = 6
_ENDED = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED})


def verdict(review: Review) -> list[str]:
    """The answer first: how it ended, what fails it, what is missing from it."""
    lost = len(review.outcome.failed)
    partial = [f"partial: {counted(lost, 'file')} could not be reviewed"] if lost else []
    if review.status not in _ENDED:
        return [_unfinished(review), *partial]
    return [_judged(review), *partial]


def standing(reviewed: ReviewedFinding) -> str:
    """How far to trust a finding: `confidence 0.92, confirmed, 3 sessions agree`."""
    facts = [f"confidence {reviewed.finding.confidence:.2f}", reviewed.verified.value]
    facts += [f"{reviewed.agreement} sessions agree"] if reviewed.agreement > 1 else []
    facts += ["caused by the change, outside of it"] if reviewed.finding.elsewhere else []
    return ", ".join(facts)


def omissions(review: Review) -> list[str]:
    """What was found and is not shown, by reason, with the way to see it."""
    selection, outcome, spec = review.selection, review.outcome, review.spec
    doubtful = f"below confidence {spec.min_confidence:g}; --json lists them, --min-confidence 0 shows them"
    told = (
        (len(selection.cut), f"cut by --max-findings {spec.max_findings}; --json lists them"),
        (len(selection.doubtful), doubtful),
        (len(selection.known), "known from the baseline"),
        (len(selection.suppressed), "suppressed in the code"),
        (outcome.refuted, "refuted on reading the code again"),
        (outcome.merged, "merged with another that says the same"),
        (outcome.voided, "void: cited what is not in the code"),
    )
    return [f"{number} {why}" for number, why in told if number]


def coverage(review: Review) -> list[str]:
    """What was read and what was not; nothing before the review has come to its end."""
    outcome = review.outcome
    read = f"{counted(len(outcome.reviewed), 'file')} reviewed in {counted(outcome.packs, 'pack')}"
    kept = f", {outcome.kept_answers} answered by an earlier review" if outcome.kept_answers else ""
    skipped = [f"{len(outcome.skipped)} skipped: {_by_reason(outcome.skipped)}"] if outcome.skipped else []
    return [*([read + kept] if outcome.packs else []), *skipped]


def read_nothing(review: Review) -> bool:
    """Whether the review has ended and there was nothing in it to read."""
    return review.status in _ENDED and not review.outcome.packs


def fixable(review: Review) -> bool:
    """Whether there is something confirmed to fix, and `--fix` was not given."""
    found = (*review.selection.shown, *review.selection.cut)
    return not review.run.spec.get("fix") and any(reviewed.verified is Verified.CONFIRMED for reviewed in found)


def _unfinished(review: Review) -> str:
    return f"{review.status.value}: {review.run.reason or 'the review has not come to its end'}"


def _judged(review: Review) -> str:
    """A tick only for a review that read everything."""
    fail_on, found = review.spec.fail_on, len(review.selection.shown) + len(review.selection.cut)
    if failing := len(review.selection.failing(fail_on)):
        return f"✗ {counted(failing, 'finding')} at or above {fail_on}"
    if review.run.reason and review.status is RunStatus.FAILED:
        return f"✗ failed: {review.run.reason}"
    if read_nothing(review):
        return f"nothing to review: {_why_nothing(review)}"
    tick = "" if review.outcome.partial else "✓ "
    if fail_on is None:
        return f"{tick}{counted(found, 'finding') if found else 'no findings'}"
    return f"{tick}nothing at or above {fail_on}" + (
        f"; {counted(found, 'finding')} below it or unsure" if found else ""
    )


def _why_nothing(review: Review) -> str:
    if review.outcome.skipped:
        return "all of it is skipped"
    if review.spec.mode is Mode.FILES:
        return "there is no file"
    named = "nothing that was named" if review.spec.paths else "nothing"
    return f"{named} has changed since {review.spec.base[:12]}"


def _by_reason(skipped: Sequence[Skipped]) -> str:
    ordered = Counter(one.reason for one in skipped).most_common()
    told = [f"{number} {reason}" for reason, number in ordered[:_REASONS]]
    others = sum(number for _, number in ordered[_REASONS:])
    return ", ".join([*told, *([f"{others} for other reasons"] if others else [])])
