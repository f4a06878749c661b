"""The rules of a SARIF log: one for each slug that the review's findings carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity
from agentflow.report.reviews.levels import Level, level_of
from agentflow.report.term import safe

#: Characters that GitHub takes of a rule's id and of its descriptions.
_ID, _DESCRIPTION = 255, 1_024
#: GitHub reads a rule's score as CVSS bands: critical above 9.0, high from 7.0, medium from 4.0.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_PROBLEMS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "recommendation"}


def rule_id(finding: Finding) -> str:
    """The slug; for a reviewer that gave none, the category."""
    return safe(finding.rule).strip()[:_ID] or finding.category.value


def rules_of(findings: Iterable[ReviewedFinding]) -> list[dict[str, Any]]:
    """Rules in the order in which the findings first name them; ids are unique."""
    by_rule: dict[str, list[Finding]] = {}
    for reviewed in findings:
        by_rule.setdefault(rule_id(reviewed.finding), []).append(reviewed.finding)
    return [_rule(name, mine) for name, mine in by_rule.items()]


def _rule(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """As grave as the worst of its findings. The texts come from the slug alone, so that they stay from run to run."""
    worst = min(findings, key=lambda finding: finding.severity.rank)
    categories = [category for category in Category if any(finding.category is category for finding in findings)]
    said = name.replace("-", " ").replace("_", " ")
    help_text = f"{said}: found by reading the code with language models. In the code, agentflow: ignore[{name}] reason"
    return {
        "id": name,
        "shortDescription": {"text": said[:_DESCRIPTION]},
        "fullDescription": {"text": f"Defects of the sort: {said}"[:_DESCRIPTION]},
        "help": {"text": f"{help_text} suppresses it."},
        "defaultConfiguration": {"level": level_of(worst).value},
        "properties": {
            "tags": [category.value for category in categories],
            "problem.severity": _PROBLEMS[level_of(worst)],
            **_security(findings),
        },
    }


def _security(findings: Sequence[Finding]) -> dict[str, str]:
    ranks = [finding.severity.rank for finding in findings if finding.category is Category.SECURITY]
    return {"security-severity": _SCORES[list(Severity)[min(ranks)]]} if ranks else {}
