"""A review as GitHub's workflow commands: annotations beside the lines of a job's commit.

GitHub shows at most ten errors, ten warnings and ten notices of a step; a further one is dropped without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentflow.domain.findings import ReviewedFinding
from agentflow.domain.text import shown
from agentflow.report.figures import counted
from agentflow.report.reviews.levels import Level, level_of
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.sayings import standing
from agentflow.report.term import safe

#: Annotations of each level that GitHub shows of one step.
PER_LEVEL = 10
_WORDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
#: Characters; what goes on is in the other forms.
_TITLE, _MESSAGE = 200, 4_000


def review_annotations(review: Review) -> str:
    """One command a line, worst first. A last notice counts what is not annotated."""
    partial = [f"partial: {counted(len(review.outcome.failed), 'file')} could not be reviewed"]
    warnings = partial if review.outcome.partial else []
    chosen = _chosen(review.selection.shown, {Level.WARNING: len(warnings)})
    total = len(review.selection.shown) + len(review.selection.cut)
    if total > len(chosen):
        chosen = _chosen(review.selection.shown, {Level.WARNING: len(warnings), Level.NOTE: 1})
    lines = [f"::warning::{_message(text)}" for text in warnings]
    lines += [_annotation(reviewed) for reviewed in chosen]
    return "\n".join([*lines, *_rest(total - len(chosen))])


def _chosen(findings: Sequence[ReviewedFinding], taken: dict[Level, int]) -> list[ReviewedFinding]:
    """The first findings of each level, as many as GitHub shows beside those `taken` for other words."""
    room = {level: PER_LEVEL - taken.get(level, 0) for level in Level}
    by_level = {level: [one for one in findings if level_of(one.finding) is level] for level in Level}
    return [one for level in Level for one in by_level[level][: room[level]]]


def _rest(number: int) -> Iterator[str]:
    if number:
        verb = "is" if number == 1 else "are"
        yield f"::notice::{counted(number, 'more finding')} {verb} not annotated; agentflow review --json lists all"


def _annotation(reviewed: ReviewedFinding) -> str:
    """A name with unseen characters cannot be given to GitHub without printing them: it stands in the message."""
    finding = reviewed.finding
    place = f"file={_property(finding.file)}," if shown(finding.file) == finding.file else ""
    told = "" if place else f"{shown(finding.file)}: "
    title = _property(safe(f"{finding.severity.value}: {finding.title}")[:_TITLE])
    message = f"{told}{finding.message[:_MESSAGE]}\n({finding.rule[:_TITLE]}, {standing(reviewed)})"
    lines = f"line={finding.line},endLine={finding.last_line}"
    return f"::{_WORDS[level_of(finding)]} {place}{lines},title={title}::{_message(message)}"


def _message(text: str) -> str:
    """Escaped as the runner reads it: on one line, so that no other line can be a command."""
    return safe(text, newlines=True).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
