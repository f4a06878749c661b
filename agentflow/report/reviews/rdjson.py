"""A review in reviewdog's diagnostic format, as one document or as lines: the findings shown, worst first.

reviewdog posts messages as Markdown, so they are neutral Markdown here.
"""

from __future__ import annotations

from typing import Any

from agentflow.domain.findings import Finding, ReviewedFinding
from agentflow.report.reviews.levels import Level, level_of
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.neutral import block, inline
from agentflow.report.reviews.sayings import standing

_SOURCE = {"name": "agentflow"}
_SEVERITIES = {Level.ERROR: "ERROR", Level.WARNING: "WARNING", Level.NOTE: "INFO"}


def review_rdjsonl(review: Review) -> list[dict[str, Any]]:
    """A Diagnostic for each finding, which stand alone: each names its source."""
    return [{**_diagnostic(reviewed), "source": _SOURCE} for reviewed in review.selection.shown]


def review_rdjson(review: Review) -> dict[str, Any]:
    """A DiagnosticResult; its own severity is the worst of its diagnostics'."""
    diagnostics = [_diagnostic(reviewed) for reviewed in review.selection.shown]
    worst = diagnostics[0]["severity"] if diagnostics else _SEVERITIES[Level.NOTE]
    return {"source": _SOURCE, "severity": worst, "diagnostics": diagnostics}


def _diagnostic(reviewed: ReviewedFinding) -> dict[str, Any]:
    finding = reviewed.finding
    paragraphs = (inline(finding.title), block(finding.message), f"({finding.severity.value}, {standing(reviewed)})")
    suggestions = (
        [{"range": _range(finding), "text": finding.suggestion.removesuffix("\n")}] if finding.suggestion else []
    )
    return {
        "message": "\n\n".join(filter(None, paragraphs)),
        "location": {"path": finding.file, "range": _range(finding)},
        "severity": _SEVERITIES[level_of(finding)],
        "code": {"value": inline(finding.rule)},
        "suggestions": suggestions,
    }


def _range(finding: Finding) -> dict[str, Any]:
    """Whole lines: without columns the end is inclusive, and the last line's break is not part of it."""
    return {"start": {"line": finding.line}, "end": {"line": finding.last_line}}
