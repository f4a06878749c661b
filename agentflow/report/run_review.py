"""The review at the end of a run, in words: what was read, what went back to work, what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agentflow.domain.attempts import SubtaskStatus
from agentflow.domain.findings import ReviewedFinding, Verified
from agentflow.domain.text import shown
from agentflow.report.figures import counted
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.sayings import coverage, dropped, unsure
from agentflow.report.term import safe
from agentflow.store.records import SubtaskRecord

_LANDED = frozenset({SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN})
#: Findings that are listed; a JSON document has all of them.
_LISTED = 20


def review_lines(review: Review | None, subtasks: Sequence[SubtaskRecord]) -> list[str]:
    """The verdict first; nothing for a run that has not begun to review."""
    if review is None:
        return []
    if not review.ended:
        return ["review: not finished"]
    fates = _fates(review, subtasks)
    left = left_after(review, subtasks)
    told = [_back(fates), *coverage(review), *_lost(review), *_left(review, left, fates), *_notes(review)]
    return [f"review: {_verdict(review, left)}", *(f"  {line}" for line in told if line)]


def left_after(review: Review, subtasks: Sequence[SubtaskRecord]) -> list[ReviewedFinding]:
    """The findings that nobody has mended, worst first."""
    fates = _fates(review, subtasks)
    return [one for one in review.selection.shown if one.fingerprint not in fates or not _is_mended(one, fates)]


def _fates(review: Review, subtasks: Sequence[SubtaskRecord]) -> Mapping[str, SubtaskRecord]:
    """By fingerprint, the subtask that was to mend the finding."""
    by_id = {subtask.id: subtask for subtask in subtasks}
    handed_back = review.mending.handed_back.items()
    return {print_: by_id[subtask] for subtask, prints in handed_back if subtask in by_id for print_ in prints}


def _is_mended(reviewed: ReviewedFinding, fates: Mapping[str, SubtaskRecord]) -> bool:
    return fates[reviewed.fingerprint].status in _LANDED


def _verdict(review: Review, left: Sequence[ReviewedFinding]) -> str:
    lost = len(review.outcome.failed)
    partial = [f"partial, {counted(lost, 'file')} could not be reviewed"] if lost else []
    found = (
        f"{counted(len(left), 'finding')} left" if left else "nothing left" if review.selection.shown else "no findings"
    )
    return "; ".join([*partial, found])


def _back(fates: Mapping[str, SubtaskRecord]) -> str:
    mended = sum(subtask.status in _LANDED for subtask in fates.values())
    return f"{counted(len(fates), 'finding')} handed back, {mended} mended" if fates else ""


def _lost(review: Review) -> Iterator[str]:
    return (f"✗ {shown(one.file)}: {safe(one.reason)}" for one in review.outcome.failed)


def _left(review: Review, left: Sequence[ReviewedFinding], fates: Mapping[str, SubtaskRecord]) -> Iterator[str]:
    for one in left[:_LISTED]:
        finding, facts = one.finding, _facts(one, fates)
        place = f"{shown(finding.file)}:{finding.line}"
        yield f"{finding.severity.value}  {place}  {safe(finding.title)}" + (f" ({facts})" if facts else "")
    if len(left) > _LISTED:
        yield f"… {counted(len(left) - _LISTED, 'more finding')}"
    if left and fates:
        yield f"lines are those of {review.spec.head[:12]}, before the mending"


def _facts(one: ReviewedFinding, fates: Mapping[str, SubtaskRecord]) -> str:
    subtask = fates.get(one.fingerprint)
    doubt = [] if one.verified is Verified.CONFIRMED else [one.verified.value]
    return ", ".join([*doubt, *([f"{subtask.id} {subtask.status.value}"] if subtask else [])])


def _notes(review: Review) -> Iterator[str]:
    yield from (f"note: {safe(note)}" for note in (*review.outcome.notes, *review.mending.left_out))
    if doubtful := len(review.selection.doubtful):
        yield f"{doubtful} not told: below confidence {review.spec.min_confidence:g}"
    yield from (safe(line) for line in (*unsure(review), *dropped(review)))
    yield from (
        f"ignored in the code: {shown(one.finding.file)}:{one.finding.line}  {safe(one.finding.rule)}: "
        f"{safe(one.suppression or '')}"
        for one in review.selection.suppressed
    )
