"""The three levels that other tools know findings by."""

from __future__ import annotations

from enum import StrEnum

from agentflow.domain.findings import Finding, Severity


class Level(StrEnum):
    """SARIF's words, worst first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


_LEVELS = {
    Severity.CRITICAL: Level.ERROR,
    Severity.HIGH: Level.ERROR,
    Severity.MEDIUM: Level.WARNING,
    Severity.LOW: Level.NOTE,
}


def level_of(finding: Finding) -> Level:
    return _LEVELS[finding.severity]
