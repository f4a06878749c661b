"""Baselines: the findings that an earlier report knows."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentflow.config.validation import validate
from agentflow.errors import UsageError

#: The name of our fingerprints in SARIF.
PARTIAL_FINGERPRINT = "agentflow/v1"

_HINT = "a baseline is what `agentflow review --json` or `--format sarif` wrote"


class _Known(BaseModel):
    fingerprint: str


class _ReviewDocument(BaseModel):
    """`agentflow review --json`."""

    schema_: Literal["agentflow/review/1"] = Field(alias="schema")
    findings: tuple[_Known, ...]
    suppressed: tuple[_Known, ...] = ()
    known: tuple[_Known, ...] = ()

    def fingerprints(self) -> list[str]:
        return [one.fingerprint for one in (*self.findings, *self.suppressed, *self.known)]


class _Result(BaseModel):
    fingerprints: dict[str, str] = Field(default={}, alias="partialFingerprints")


class _Run(BaseModel):
    results: tuple[_Result, ...] | None = None


class _Sarif(BaseModel):
    """SARIF, of which results by other tools do not count."""

    version: Literal["2.1.0"]
    runs: tuple[_Run, ...]

    def fingerprints(self) -> list[str]:
        found = [result.fingerprints for run in self.runs for result in run.results or ()]
        return [one[PARTIAL_FINGERPRINT] for one in found if PARTIAL_FINGERPRINT in one]


def fingerprints_in(text: str, source: str) -> tuple[str, ...]:
    """The fingerprints in a report of an earlier review, each once; `source` is its name in errors.

    Raises UsageError on anything but agentflow's JSON and SARIF 2.1.0.
    """
    data = _json(text, source)
    try:
        known = _fingerprints(data, source)
    except UsageError as error:
        raise UsageError(f"no baseline:\n{error.message}", hint=_HINT) from error
    return tuple(dict.fromkeys(known))


def _fingerprints(data: dict[str, Any], source: str) -> list[str]:
    if "runs" in data:
        return validate(_Sarif, data, source).fingerprints()
    return validate(_ReviewDocument, data, source).fingerprints()


def _json(text: str, source: str) -> dict[str, Any]:
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source}: not JSON: {error}", hint=_HINT) from error
    if not isinstance(data, dict):
        raise UsageError(f"{source}: not a report: its root is no object", hint=_HINT)
    return data
