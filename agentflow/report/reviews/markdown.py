"""A review as Markdown, for a pull request or a job's summary: worst first, cut to what such a page takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from agentflow.domain.findings import ReviewedFinding
from agentflow.domain.reviews import Skipped
from agentflow.report.bill import bill_lines, spending
from agentflow.report.figures import counted
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.neutral import block, code_span, fenced, inline
from agentflow.report.reviews.sayings import (
    answered,
    coverage,
    dropped,
    lowered,
    omissions,
    others,
    standing,
    unsure,
    verdict,
)

#: Characters; a longer body or comment is refused as a whole (GitHub, "body is too long").
LIMIT = 65_536
#: Characters that the lists after the findings may take; the findings get the rest.
_LISTS = 12_000
#: Characters of one text, and of one line of code, before they are made neutral.
_TEXT, _LINE = 4_000, 300


def review_markdown(review: Review) -> str:
    """The whole report, always shorter than `LIMIT` characters; it says what it leaves out."""
    first, *rest = verdict(review)
    head = [f"## {inline(first[:_TEXT])}", *(f"**{inline(line)}**" for line in rest)]
    tail = list(_tail(review))
    room = LIMIT - _size([*head, *tail]) - 200
    findings, left_out = _fitting((_finding(one, review) for one in review.selection.shown), room)
    more = [f"*{counted(left_out, 'finding')} left out for length; `--json` has all.*"] if left_out else []
    return "\n\n".join([*head, *findings, *more, *tail]) + "\n"


def _finding(reviewed: ReviewedFinding, review: Review) -> str:
    finding = reviewed.finding
    place = f"{_name(finding.file)} line {finding.line}"
    facts = f"{inline(finding.rule[:_LINE])}, {finding.category.value}, {standing(reviewed)}"
    parts = [
        f"### {finding.severity.value}: {inline(finding.title[:_LINE])}",
        f"{place} · {facts}",
        inline(lowered(review, reviewed)[:_LINE]),
        *(inline(f"also: {other}"[:_LINE]) for other in others(review, reviewed)),
        _code(reviewed.code, finding.file),
        block(finding.message[:_TEXT]),
        "Suggestion:" if finding.suggestion else "",
        _code(finding.suggestion or "", finding.file),
    ]
    return "\n\n".join(filter(None, parts))


def _code(code: str, file: str) -> str:
    lines = (line[:_LINE] for line in code[:_TEXT].split("\n"))
    return fenced("\n".join(lines), PurePosixPath(file).suffix.removeprefix(".")) if code else ""


def _tail(review: Review) -> Iterator[str]:
    """What is not among the findings, as lists; then the bill."""
    read = [*coverage(review), spending(review.run, review.calls)]
    yield from _listed("Coverage", map(inline, read))
    yield from _listed("Could not be reviewed", map(_lost, review.outcome.failed))
    yield from _listed("Not shown", map(inline, omissions(review)))
    yield from _listed("Grave, and unsure", (inline(line[:_TEXT]) for line in unsure(review)))
    yield from _listed("Dropped", (inline(line[:_TEXT]) for line in dropped(review)))
    yield from _listed("Answered by a person", (inline(line[:_TEXT]) for line in answered(review)))
    yield from _listed("Suppressed in the code", map(_suppressed, review.selection.suppressed))
    yield from _listed("Notes", (inline(note[:_TEXT]) for note in review.outcome.notes))
    if review.calls:
        bill = fenced("\n".join(bill_lines(review.calls)))
        yield f"<details><summary>Bill</summary>\n\n{bill}\n\n</details>"


def _listed(title: str, items: Iterable[str]) -> list[str]:
    kept, left_out = _fitting((f"- {item}" for item in items), _LISTS // 8)
    more = [f"- … {left_out} more"] if left_out else []
    return ["\n".join([f"**{title}**", "", *kept, *more])] if kept or more else []


def _lost(lost: Skipped) -> str:
    return f"{_name(lost.file)}: {inline(lost.reason[:_LINE])}"


def _suppressed(reviewed: ReviewedFinding) -> str:
    finding = reviewed.finding
    reason = inline((reviewed.suppression or "")[:_LINE])
    return f"{_name(finding.file)} line {finding.line}, {inline(finding.rule[:_LINE])}: {reason}"


def _name(file: str) -> str:
    return code_span(file[:_LINE])


def _fitting(pieces: Iterable[str], room: int) -> tuple[list[str], int]:
    """The pieces that fit into so many characters, and the number of the others."""
    kept: list[str] = []
    left_out = 0
    for piece in pieces:
        fits = _size([*kept, piece]) <= room
        kept += [piece] if fits else []
        left_out += not fits
    return kept, left_out


def _size(pieces: Sequence[str]) -> int:
    return sum(len(piece) + 2 for piece in pieces)
