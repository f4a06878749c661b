"""A review for people, on a terminal. Nothing in a name, in code or in a model's words steers it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import ReviewedFinding
from agentflow.domain.reviews import Mode
from agentflow.domain.text import shown
from agentflow.report.bill import bill_lines, spending
from agentflow.report.figures import counted
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.sayings import (
    answered,
    coverage,
    dropped,
    fixable,
    lowered,
    omissions,
    others,
    read_nothing,
    standing,
    unsure,
    verdict,
)
from agentflow.report.term import safe

#: Characters of a line of prose, with its indent.
_WIDTH = 100
#: Characters of a line of code: enough for any that people write.
_CODE_WIDTH = 160
_CODE_LINES = 5
_INDENT = " " * 6
#: Where the runner of a GitHub job would read a line of its log as a command.
_COMMAND = re.compile(r"^([^\S\n]*:)(?=:)|(##)(?=\[)", re.MULTILINE)


def review_text(review: Review) -> str:
    """The whole report; sections are parted by empty lines. In a job's log no line of it is a command."""
    sections = [
        [safe(line) for line in verdict(review)],
        *_findings(review),
        _omitted(review),
        _answered(review),
        _coverage(review),
        [safe(spending(review.run, review.calls))],
        bill_lines(review.calls),
        _next(review),
    ]
    told = "\n\n".join("\n".join(lines) for lines in sections if lines)
    return _COMMAND.sub(lambda found: f"{found[0]} ", told)


def _findings(review: Review) -> Iterator[list[str]]:
    """Sections: files in the order of their worst finding, each followed by its findings."""
    files = dict.fromkeys(reviewed.finding.file for reviewed in review.selection.shown)
    for file in files:
        mine = [reviewed for reviewed in review.selection.shown if reviewed.finding.file == file]
        yield [f"{shown(file)} ({counted(len(mine), 'finding')})"]
        yield from (list(_finding(reviewed, review)) for reviewed in mine)


def _finding(reviewed: ReviewedFinding, review: Review) -> Iterator[str]:
    finding = reviewed.finding
    yield f"  {finding.severity.value}  {_place(reviewed)}  {safe(finding.title)}"
    yield f"{_INDENT}{safe(finding.rule)}, {finding.category.value}, {standing(reviewed)}"
    yield from _prose(lowered(review, reviewed))
    for other in others(review, reviewed):
        yield from _prose(f"also: {other}")
    yield from _code(reviewed)
    yield from _prose(finding.message)
    if finding.suggestion:
        yield f"{_INDENT}suggestion:"
        yield from (f"{_INDENT}+ {line}" for line in _shown_lines(finding.suggestion))


def _place(reviewed: ReviewedFinding) -> str:
    """In the form that terminals and editors open."""
    return f"{shown(reviewed.finding.file)}:{reviewed.finding.line}"


def _code(reviewed: ReviewedFinding) -> Iterator[str]:
    lines = _shown_lines(reviewed.code)[:_CODE_LINES]
    last = reviewed.finding.line + len(lines) - 1
    for number, line in enumerate(lines, reviewed.finding.line):
        yield f"{_INDENT}{number:>{len(str(last))}} | {line}".rstrip()
    if lines and (more := reviewed.finding.last_line - last) > 0:
        yield f"{_INDENT}… {counted(more, 'more line')}"


def _shown_lines(code: str) -> list[str]:
    """Line breaks as git and editors count them: a form feed is none."""
    lines = code.removesuffix("\n").split("\n") if code else []
    return [_clipped(shown(line.removesuffix("\r").expandtabs(4))) for line in lines]


def _clipped(line: str) -> str:
    return line if len(line) <= _CODE_WIDTH else f"{line[: _CODE_WIDTH - 1]}…"


def _prose(text: str) -> Iterator[str]:
    wrapper = textwrap.TextWrapper(
        _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
    for line in safe(text, newlines=True).splitlines():
        yield from wrapper.wrap(line)


def _omitted(review: Review) -> list[str]:
    told = omissions(review)
    ignored = map(_ignored, review.selection.suppressed)
    listed = [f"    {safe(line)}" for line in (*unsure(review), *dropped(review))]
    return ["not shown:", *_indented(told), *ignored, *listed] if told or listed else []


def _answered(review: Review) -> list[str]:
    told = _indented(answered(review))
    return ["answered by a person:", *told] if told else []


def _ignored(suppressed: ReviewedFinding) -> str:
    return f"    {_place(suppressed)}  {safe(suppressed.finding.rule)}: {safe(suppressed.suppression or '')}"


def _coverage(review: Review) -> list[str]:
    lost = (f"✗ {shown(one.file)}: {safe(one.reason)}" for one in review.outcome.failed)
    notes = (f"note: {safe(note)}" for note in review.outcome.notes)
    return [*map(safe, coverage(review)), *lost, *notes]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {safe(line)}" for line in lines]


def _next(review: Review) -> list[str]:
    if review.status is RunStatus.RUNNING:
        return ["next:", f"  agentflow watch {review.run.id}"]
    if review.status in {RunStatus.STOPPED, RunStatus.INTERRUPTED}:
        return ["next:", f"  agentflow resume {review.run.id}"]
    if read_nothing(review):
        return ["next, for all files instead of changes:", "  agentflow review ."] if _is_of_changes(review) else []
    fix = ["  agentflow review --fix (with the same arguments)"] if fixable(review) else []
    return ["next:", *fix, f"  agentflow runs show {review.run.id} --json"]


def _is_of_changes(review: Review) -> bool:
    return review.spec.mode is Mode.DIFF and review.spec.pull_request is None
