"""The rules of a SARIF log: one for each kind of defect among the review's findings, from a stable list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity
from agentflow.report.reviews.levels import Level, level_of
from agentflow.review.kinds import kind_of

#: Where the tool is described.
PROJECT = "https://pypi.org/project/agentflow-cli/"
#: Numbers of the Common Weakness Enumeration.
_WEAKNESSES: Mapping[str, int] = {
    "sql-injection": 89,
    "command-injection": 78,
    "code-injection": 94,
    "cross-site-scripting": 79,
    "path-traversal": 22,
    "unsafe-deserialization": 502,
    "request-forgery": 918,
    "exposed-secret": 200,
    "weak-cryptography": 327,
    "missing-authorization": 862,
    "race-condition": 362,
    "deadlock": 833,
    "division-by-zero": 369,
    "out-of-bounds": 129,
    "null-dereference": 476,
    "use-after-free": 416,
    "resource-leak": 772,
    "integer-overflow": 190,
    "precision-loss": 1339,
    "infinite-loop": 835,
    "swallowed-error": 391,
    "unhandled-error": 755,
    "wrong-condition": 697,
    "missing-validation": 20,
    "wrong-encoding": 838,
    "wrong-type": 704,
    "wrong-result": 682,
    "unbounded-growth": 770,
    "slow-code": 1176,
    "undefined-name": 457,
    "dead-code": 561,
}
#: GitHub reads a rule's score as CVSS bands: critical above 9.0, high from 7.0, medium from 4.0.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_PROBLEMS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "recommendation"}


def rules_of(findings: Iterable[ReviewedFinding]) -> list[dict[str, Any]]:
    """Rules in the order in which the findings first need them; ids are unique."""
    by_kind: dict[str, list[Finding]] = {}
    for reviewed in findings:
        by_kind.setdefault(kind_of(reviewed.finding), []).append(reviewed.finding)
    return [_rule(name, mine) for name, mine in by_kind.items()]


def _rule(name: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """As grave as the worst of its findings. The texts come from the kind alone, so that they stay from run to run."""
    worst = min(findings, key=lambda finding: finding.severity.rank)
    categories = [category for category in Category if any(finding.category is category for finding in findings)]
    said = name.replace("-", " ")
    help_text = f"{said}: found by reading the code with language models. In the code, agentflow: ignore[{name}] reason"
    return {
        "id": name,
        "shortDescription": {"text": said},
        "fullDescription": {"text": f"Defects of the sort: {said}"},
        "helpUri": _help(name),
        "help": {"text": f"{help_text} suppresses it."},
        "defaultConfiguration": {"level": level_of(worst).value},
        "properties": {
            "tags": [category.value for category in categories],
            "problem.severity": _PROBLEMS[level_of(worst)],
            **_security(findings),
        },
    }


def _help(name: str) -> str:
    """The weakness as MITRE describes it, where it has a number there."""
    return f"https://cwe.mitre.org/data/definitions/{_WEAKNESSES[name]}.html" if name in _WEAKNESSES else PROJECT


def _security(findings: Sequence[Finding]) -> dict[str, str]:
    ranks = [finding.severity.rank for finding in findings if finding.category is Category.SECURITY]
    return {"security-severity": _SCORES[list(Severity)[min(ranks)]]} if ranks else {}
