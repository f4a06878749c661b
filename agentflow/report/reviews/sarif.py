"""A review in SARIF 2.1.0, for code scanning and editors.

Results are the findings shown and those cut by `--max-findings`. What is below the confidence asked for is left out,
and so is what a baseline knows, the code says to ignore or a person accepted on the pull request: code scanning reads
neither `suppressions` nor `baselineState`, and would open alerts for it. A later review that takes the log for its
baseline finds it in the run's properties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from agentflow import __version__
from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Finding, ReviewedFinding
from agentflow.domain.reviews import Remembered, Skipped
from agentflow.report.figures import counted
from agentflow.report.reviews.levels import Level, level_of
from agentflow.report.reviews.loading import Review
from agentflow.report.reviews.sarif_rules import PROJECT, rules_of
from agentflow.report.term import safe
from agentflow.review.baseline import PARTIAL_FINGERPRINT, REMEMBERED
from agentflow.review.kinds import kind_of

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: GitHub refuses a run with more results.
MOST_RESULTS = 25_000
#: Characters of one message.
_TEXT = 8_000
_ROOT = "%SRCROOT%"
#: Where a text would be read as a link: SARIF 2.1.0, 3.11.6.
_LINK = re.compile(r"\](?=\()")


def review_sarif(review: Review) -> dict[str, Any]:
    """A log with one run."""
    selection = review.selection
    told = (*selection.shown, *selection.cut)
    no_alerts = (*selection.known, *selection.suppressed, *selection.accepted)
    kept = told[:MOST_RESULTS]
    rules = rules_of(kept)
    indices = {rule["id"]: index for index, rule in enumerate(rules)}
    driver = {"name": "agentflow", "semanticVersion": __version__, "informationUri": PROJECT, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [_invocation(review, left_out=len(told) - len(kept))],
        "results": [_result(reviewed, indices, review) for reviewed in kept],
        **_provenance(review),
        "properties": {
            "runId": review.run.id,
            "base": review.spec.base,
            "head": review.spec.head,
            REMEMBERED: [asdict(_remembered(one)) for one in no_alerts],
        },
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(reviewed: ReviewedFinding, indices: Mapping[str, int], review: Review) -> dict[str, Any]:
    finding = reviewed.finding
    return {
        "ruleId": kind_of(finding),
        "ruleIndex": indices[kind_of(finding)],
        "level": level_of(finding).value,
        "message": _message(f"{finding.title}\n\n{finding.message}"),
        "locations": [{"physicalLocation": {**_artifact(finding.file), "region": _region(reviewed)}}],
        "partialFingerprints": _fingerprints(reviewed),
        **({"baselineState": "new"} if review.spec.remembered is not None else {}),
        **_fix(finding),
        "properties": _properties(reviewed),
    }


def _fingerprints(reviewed: ReviewedFinding) -> dict[str, str]:
    """GitHub computes its own, by which alerts stay the same, only where the upload has a checkout."""
    line = {"primaryLocationLineHash": reviewed.line_hash} if reviewed.line_hash else {}
    return {PARTIAL_FINGERPRINT: reviewed.fingerprint, **line}


def _properties(reviewed: ReviewedFinding) -> dict[str, Any]:
    finding = reviewed.finding
    return {
        "severity": finding.severity.value,
        "category": finding.category.value,
        "confidence": finding.confidence,
        "verified": reviewed.verified.value,
        "agreement": reviewed.agreement,
        "rule": safe(finding.rule).strip()[:_TEXT],
        "identity": reviewed.identity,
    }


def _region(reviewed: ReviewedFinding) -> dict[str, Any]:
    """With the code as its snippet when it is all there."""
    finding, lines = reviewed.finding, reviewed.code.count("\n") + 1
    whole = bool(reviewed.code) and lines == finding.last_line - finding.line + 1
    return {**_lines(finding), **({"snippet": {"text": reviewed.code}} if whole else {})}


def _lines(finding: Finding) -> dict[str, int]:
    """Whole lines: without columns a region ends before the last line's break."""
    return {"startLine": finding.line, "endLine": finding.last_line}


def _remembered(reviewed: ReviewedFinding) -> Remembered:
    """Its words are in its identity."""
    return Remembered(reviewed.fingerprint, safe(reviewed.finding.file), reviewed.identity)


def _provenance(review: Review) -> dict[str, Any]:
    """Which commit of which repository the lines are of, where it has an address."""
    if not review.spec.repository:
        return {}
    root = {"uriBaseId": _ROOT}
    one = {"repositoryUri": review.spec.repository, "revisionId": review.spec.head, "mappedTo": root}
    return {"versionControlProvenance": [one]}


def _fix(finding: Finding) -> dict[str, Any]:
    if not finding.suggestion:
        return {}
    inserted = {"text": finding.suggestion.removesuffix("\n")}
    replacement = {"deletedRegion": _lines(finding), "insertedContent": inserted}
    change = {**_artifact(finding.file), "replacements": [replacement]}
    return {"fixes": [{"description": {"text": "The reviewer's suggestion."}, "artifactChanges": [change]}]}


def _invocation(review: Review, *, left_out: int) -> dict[str, Any]:
    ended = review.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}
    return {
        "executionSuccessful": ended and not review.outcome.partial,
        "toolExecutionNotifications": list(_notifications(review, left_out)),
    }


def _notifications(review: Review, left_out: int) -> Iterator[dict[str, Any]]:
    if left_out:
        text = f"{counted(left_out, 'result')} left out: a run holds {MOST_RESULTS} at most"
        yield {"level": Level.WARNING.value, "message": {"text": text}}
    yield from _unread(review.outcome.failed, Level.ERROR, "not reviewed")
    yield from _unread(review.outcome.skipped, Level.NOTE, "skipped")


def _unread(files: Sequence[Skipped], level: Level, why: str) -> Iterator[dict[str, Any]]:
    for one in files:
        location = {"physicalLocation": _artifact(one.file)}
        yield {"level": level.value, "message": _message(f"{why}: {one.reason}"), "locations": [location]}


def _artifact(file: str) -> dict[str, Any]:
    """A colon in the first folder's name would make a scheme of it: it is escaped like all that is not plain."""
    return {"artifactLocation": {"uri": quote(file, safe="/", errors="surrogatepass"), "uriBaseId": _ROOT}}


def _message(text: str) -> dict[str, str]:
    return {"text": _LINK.sub("] ", safe(text, newlines=True)[:_TEXT])}
