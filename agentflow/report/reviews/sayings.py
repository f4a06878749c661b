"""What both people's forms, text and Markdown, say about a review. Plain text: names and models' words as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Answer, Dropped, Finding, How, ReviewedFinding, Severity, Verified, Why
from agentflow.domain.reviews import Mode, Skipped
from agentflow.domain.text import shown
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
    return [_judged(review), *partial, *_unsure(review), *_grave_accepted(review), *_grave_dropped(review)]


def standing(reviewed: ReviewedFinding) -> str:
    """How far to trust a finding: `confidence 0.92, confirmed, 3 sessions agree`."""
    facts = [f"confidence {reviewed.finding.confidence:.2f}", reviewed.verified.value]
    facts += [f"{reviewed.agreement} sessions agree"] if reviewed.agreement > 1 else []
    facts += ["caused by the change, outside of it"] if reviewed.finding.elsewhere else []
    return ", ".join(facts)


def lowered(review: Review, reviewed: ReviewedFinding) -> str:
    """Why a finding is told with a severity below the reported one; empty when it is not."""
    found = (one for one in review.outcome.lowered if one.fingerprint == reviewed.fingerprint)
    return next((f"reported as {one.reported}, lowered by two readers: {one.reason}" for one in found), "")


def others(review: Review, reviewed: ReviewedFinding) -> list[str]:
    """What else was reported at its place that it speaks for: title and line."""
    mine = (one.finding for one in review.outcome.dropped if one.into == reviewed.fingerprint)
    said = dict.fromkeys((one.title, one.line) for one in mine if one.title != reviewed.finding.title)
    return [f"{title} (line {line})" for title, line in said]


def unsure(review: Review) -> list[str]:
    """Grave findings that are not among those shown, since they are below the confidence asked for."""
    grave = (one for one in review.selection.doubtful if is_grave(one.finding.severity, review))
    return [f"{_named(one.finding)}: {standing(one)}" for one in grave]


def dropped(review: Review) -> list[str]:
    """Void and refuted findings with their reasons: grave ones always, all of a kind when that is asked for."""
    return [f"{one.why}  {_named(one.finding)}: {one.reason} ({one.by})" for one in _told(review)]


def answered(review: Review) -> list[str]:
    """Every finding to which a person said something on the pull request, and what that means for the verdict."""
    return [f"{_named(one.finding)}: {_answer(one.answer)}" for one in review.selection.answered if one.answer]


def _answer(answer: Answer) -> str:
    by = f" by {answer.by}" if answer.by else ""
    if answer.accepted:
        return f"{answer.how}{by}, so it fails nothing ({answer.url})"
    told = f"replied to{by}" if answer.how is How.REPLIED else f"{answer.how}{by}, who may not write here"
    return f"{told}; it counts until somebody who may write here resolves the thread ({answer.url})"


def is_grave(severity: Severity, review: Review) -> bool:
    """High, critical, or at the threshold of this review."""
    return severity.is_at_least(_threshold(review))


def _threshold(review: Review) -> Severity:
    return max(Severity.HIGH, review.spec.fail_on or Severity.HIGH, key=lambda severity: severity.rank)


def omissions(review: Review) -> list[str]:
    """What was found and is not shown, by reason, with the way to see it."""
    selection, outcome, spec = review.selection, review.outcome, review.spec
    doubtful = f"below confidence {spec.min_confidence:g}; --json lists them, --min-confidence 0 shows them"
    told = (
        (len(selection.cut), f"cut by --max-findings {spec.max_findings}; --json lists them"),
        (len(selection.doubtful), doubtful),
        (len(selection.known), "known from the baseline"),
        (len(selection.suppressed), "suppressed in the code"),
        (len(selection.accepted), "accepted on the pull request by a person"),
        (outcome.refuted, f"refuted on reading the code again{_hint(review, Why.REFUTED)}"),
        (outcome.merged, "merged with another that says the same"),
        (outcome.voided, f"void: cited what is not in the code{_hint(review, Why.VOID)}"),
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


def _told(review: Review) -> list[Dropped]:
    some = (one for one in review.outcome.dropped if one.why is not Why.MERGED)
    return [one for one in some if one.why in review.spec.listed or is_grave(one.finding.severity, review)]


def _named(finding: Finding) -> str:
    return f"{finding.severity}  {shown(finding.file)}:{finding.line}  {finding.title}"


def _hint(review: Review, why: Why) -> str:
    """How to see them, unless they are all told."""
    told = {one.finding for one in _told(review)}
    untold = any(one.why is why and one.finding not in told for one in review.outcome.dropped)
    return f"; --show {why} lists them" if untold else ""


def _unsure(review: Review) -> list[str]:
    """What does not fail the review only because it is not sure."""
    number, fail_on = len(review.selection.unsure(review.spec.fail_on)), review.spec.fail_on
    if not number or review.spec.unsure_fails:
        return []
    verb = "is" if number == 1 else "are"
    return [f"? {counted(number, 'finding')} at or above {fail_on} {verb} unsure; --unsure fail makes that fail"]


def _grave_dropped(review: Review) -> list[str]:
    """How many grave findings were dropped, why and by whom."""
    grave = [one for one in review.outcome.dropped if is_grave(one.finding.severity, review)]
    counts = Counter((one.why, one.by) for one in grave if one.why is not Why.MERGED)
    told = [f"{number} {why} (by {by})" for (why, by), number in counts.items()]
    return [f"dropped at or above {_threshold(review)}: {', '.join(told)}"] if told else []


def _grave_accepted(review: Review) -> list[str]:
    """What does not fail the review only because somebody closed it on the pull request."""
    grave = [one for one in review.selection.accepted if is_grave(one.finding.severity, review)]
    people = dict.fromkeys(one.answer.by or one.answer.how for one in grave if one.answer)
    told = f"accepted on the pull request at or above {_threshold(review)}: {len(grave)} ({', '.join(people)})"
    return [told] if grave else []


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
    unsure_ones = len(review.selection.unsure(fail_on))
    if unsure_ones and review.spec.unsure_fails:
        return f"✗ {counted(unsure_ones, 'unsure finding')} at or above {fail_on}"
    tick = "" if review.outcome.partial or unsure_ones else "✓ "
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
