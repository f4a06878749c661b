"""A review as what GitHub takes to put it on a pull request.

The hidden markers by which a later review finds this one are explained in `agentflow.github.standing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.domain.findings import ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Skipped
from agentflow.report.bill import usage_of
from agentflow.report.figures import counted, spent
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.neutral import block, code_span, fenced, inline
from agentflow.report.reviews.sayings import answered, standing, verdict
from agentflow.review.source import Span

#: GitHub refuses texts above 65,536 characters. The body leaves room for what is told of earlier comments.
BODY_LIMIT = 60_000
#: More comments than these on one pull request nobody reads.
MOST_COMMENTS = 20
#: Characters of raw text: neutral Markdown is at most eight times as long, so a comment stays within its limit.
_TITLE, _NAME, _MESSAGE, _SUGGESTION, _LISTED_MESSAGE = 300, 200, 4_000, 20_000, 500
_MOST_FILES = 10


def pull_request_review(
    review: Review,
    visible: Mapping[str, Sequence[Span]],
    *,
    commit: str,
    limit: int = 10,
    off: frozenset[str] = frozenset(),
    out: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The body of `POST /repos/{owner}/{repo}/pulls/{number}/reviews` for this review of the commit.

    `visible` holds, by file that the pull request changes, the spans of lines that its diff shows on its right side:
    GitHub takes comments on no other lines, but on the whole file. The worst findings there, at most `limit` and never
    above twenty, become comments; the body lists the rest. `off` are fingerprints of findings whose lines GitHub
    refuses, `out` of those for which it takes no comment. `file_comments` are for `POST …/pulls/{number}/comments`.
    """
    shown = _once(review.selection.shown)
    most = max(0, min(limit, MOST_COMMENTS))
    chosen = [one for one in shown if one.finding.file in visible][:most]
    commented = [one for one in chosen if one.fingerprint not in out]
    places = {f.fingerprint: _place(f, visible[f.finding.file]) for f in commented if f.fingerprint not in off}
    listed = [one for one in shown if one not in commented]
    return {
        "commit_id": commit,
        "event": "COMMENT",
        "body": _body(review, commit, commented, listed),
        "comments": [_comment(one, place) for one in commented if (place := places.get(one.fingerprint))],
        "file_comments": [_file_comment(one) for one in commented if places.get(one.fingerprint) is None],
    }


def _once(findings: Sequence[ReviewedFinding]) -> list[ReviewedFinding]:
    """The first finding of each fingerprint, which stands for one comment."""
    first: dict[str, ReviewedFinding] = {}
    for reviewed in findings:
        first.setdefault(reviewed.fingerprint, reviewed)
    return list(first.values())


def _place(reviewed: ReviewedFinding, spans: Sequence[Span]) -> Span | None:
    """The finding's lines when one span shows them all, else the first of them that is shown."""
    first, last = reviewed.finding.line, reviewed.finding.last_line
    shown = [(max(first, start), min(last, end)) for start, end in spans if start <= last and first <= end]
    if not shown:
        return None
    return (first, last) if (first, last) in shown else (min(shown)[0], min(shown)[0])


def _comment(reviewed: ReviewedFinding, place: Span) -> dict[str, Any]:
    first, last = place
    start = {"start_line": first, "start_side": "RIGHT"} if first < last else {}
    text = _comment_text(reviewed, exact=place == (reviewed.finding.line, reviewed.finding.last_line))
    return {"path": reviewed.finding.file, **start, "line": last, "side": "RIGHT", "body": text}


def _file_comment(reviewed: ReviewedFinding) -> dict[str, Any]:
    where = f"At line {reviewed.finding.line}, which the diff does not show."
    return {
        "path": reviewed.finding.file,
        "subject_type": "file",
        "body": _comment_text(reviewed, exact=False, where=where),
    }


def _comment_text(reviewed: ReviewedFinding, *, exact: bool, where: str = "") -> str:
    finding = reviewed.finding
    marker = f"<!-- agentflow:finding:{' '.join(filter(None, (reviewed.fingerprint, reviewed.identity)))} -->"
    sections = [
        f"{marker}\n**{finding.severity.value}: {inline(_cut(finding.title, _TITLE))}**",
        block(_cut(finding.message, _MESSAGE)),
        _suggestion(reviewed) if exact else where,
        f"<sub>{_facts(reviewed)}</sub>",
    ]
    return "\n\n".join(section for section in sections if section)


def _suggestion(reviewed: ReviewedFinding) -> str:
    """The mended lines, to be taken over with a click: so only what was confirmed, and what is seen as it is."""
    code = (reviewed.finding.suggestion or "").removesuffix("\n")
    if reviewed.verified is not Verified.CONFIRMED or not code.strip() or len(code) > _SUGGESTION:
        return ""
    fence = fenced(code, "suggestion")
    return fence if code in fence else ""


def _facts(reviewed: ReviewedFinding) -> str:
    rule = code_span(_cut(reviewed.finding.rule, _NAME))
    return ", ".join(fact for fact in (reviewed.finding.category.value, rule, standing(reviewed)) if fact)


def _body(review: Review, commit: str, commented: Sequence[ReviewedFinding], listed: Sequence[ReviewedFinding]) -> str:
    head = "\n\n".join(["<!-- agentflow:review -->", *_summary(review, commit, commented, listed), *_partial(review)])
    foot = "\n\n".join([*_answered(review), f"<sub>{_coverage(review)}</sub>"])
    room = BODY_LIMIT - len(head) - len(foot)
    return "\n\n".join([head, *_list(listed, bool(commented), room), foot])


def _answered(review: Review) -> list[str]:
    """What people said to findings, and what that means: nobody argues with them."""
    told = [f"- {inline(_cut(line, _LISTED_MESSAGE))}" for line in answered(review)]
    more = [f"- and {len(told) - _MOST_FILES} more"] if len(told) > _MOST_FILES else []
    return ["#### Answered by a person", "\n".join([*told[:_MOST_FILES], *more])] if told else []


def _summary(
    review: Review, commit: str, commented: Sequence[ReviewedFinding], listed: Sequence[ReviewedFinding]
) -> list[str]:
    first, *more = verdict(review)
    told = [f"### agentflow reviewed {commit[:12]}", f"**{inline(_cut(first, _TITLE))}**"]
    told += [inline(_cut(line, _TITLE)) for line in more if not line.startswith("partial:")]
    by_severity = Counter(reviewed.finding.severity for reviewed in (*commented, *listed))
    parts = ", ".join(f"{by_severity[severity]} {severity.value}" for severity in Severity if by_severity[severity])
    are = "is a comment" if len(commented) == 1 else "are comments"
    where = f" {len(commented)} of them {are} on the code." if commented and listed else ""
    return [*told, f"{counted(by_severity.total(), 'finding')}: {parts}.{where}"] if parts else told


def _partial(review: Review) -> list[str]:
    failed = review.outcome.failed
    if not failed:
        return []
    named = [f"- {_failed(skipped)}" for skipped in failed[:_MOST_FILES]]
    more = [f"- and {len(failed) - _MOST_FILES} more"] if len(failed) > _MOST_FILES else []
    lines = "\n".join([*named, *more])
    return [f"**This review is partial**: {counted(len(failed), 'file')} could not be read.\n\n{lines}"]


def _failed(skipped: Skipped) -> str:
    return f"{code_span(_cut(skipped.file, _NAME))}: {inline(_cut(skipped.reason, _NAME))}"


def _list(listed: Sequence[ReviewedFinding], commented: bool, room: int) -> list[str]:
    """The findings without a comment, as many as fit into `room` characters, and how many do not."""
    if not listed:
        return []
    heading = "#### Elsewhere" if commented else "#### Findings"
    room -= len(heading) + 100
    entries: list[str] = []
    for reviewed in listed:
        entry = _entry(reviewed)
        room -= len(entry) + 1
        if room < 0:
            break
        entries.append(entry)
    missing = len(listed) - len(entries)
    entries += [f"- and {missing} more, in the run's own report"] if missing else []
    return [heading, "\n".join(entries)]


def _entry(reviewed: ReviewedFinding) -> str:
    finding = reviewed.finding
    place = code_span(f"{_cut(finding.file, _NAME)}:{finding.line}")
    message = inline(_cut(finding.message, _LISTED_MESSAGE))
    title = inline(_cut(finding.title, _TITLE))
    return f"- **{finding.severity.value}** {place} **{title}** {message} <sub>{_facts(reviewed)}</sub>"


def _coverage(review: Review) -> str:
    """What was read and what was left out, so that silence is not taken for health, and what it cost."""
    outcome, selection = review.outcome, review.selection
    counts = {
        "skipped": len(outcome.skipped),
        "refuted": outcome.refuted,
        "void": outcome.voided,
        "below the confidence asked for": len(selection.doubtful),
        "beyond the number asked for": len(selection.cut),
        "known before": len(selection.known),
        "ignored in the code": len(selection.suppressed),
        "accepted by a person": len(selection.accepted),
    }
    told = [f"{number} {what}" for what, number in counts.items() if number]
    cost = usage_of(review.calls).cost
    return ". ".join(
        [
            ", ".join([f"{counted(len(outcome.reviewed), 'file')} read", *told]),
            f"{spent(cost.usd, cost.unpriced_calls)}, run {code_span(_cut(review.run.id, _NAME))}",
        ]
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
