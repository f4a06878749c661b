"""Baselines: the findings that an earlier report knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import BaseModel, Field

from agentflow.config.validation import validate
from agentflow.domain.reviews import Remembered
from agentflow.errors import UsageError

#: The name of our fingerprints in SARIF, and the one that earlier versions used.
PARTIAL_FINGERPRINT, _FORMER = "agentflow/v2", "agentflow/v1"
#: The key of a run's properties in SARIF under which stands what is no result: known before, or ignored in the code.
REMEMBERED = "remembered"

_HINT = "a baseline is what `agentflow review --json` or `--format sarif` wrote"


class _ReviewDocument(BaseModel):
    """`agentflow review --json`."""

    schema_: Literal["agentflow/review/1"] = Field(alias="schema")
    findings: tuple[Remembered, ...]
    suppressed: tuple[Remembered, ...] = ()
    known: tuple[Remembered, ...] = ()
    accepted: tuple[Remembered, ...] = ()

    def remembered(self) -> Iterator[Remembered]:
        return iter((*self.findings, *self.suppressed, *self.known, *self.accepted))


class _Text(BaseModel):
    text: str = ""


class _Artifact(BaseModel):
    uri: str = ""


class _Region(BaseModel):
    snippet: _Text = _Text()


class _Physical(BaseModel):
    artifact: _Artifact = Field(default=_Artifact(), alias="artifactLocation")
    region: _Region = _Region()


class _Location(BaseModel):
    physical: _Physical = Field(default=_Physical(), alias="physicalLocation")


class _ResultProperties(BaseModel):
    identity: str = ""
    severity: str = ""
    rule: str = ""


class _Result(BaseModel):
    fingerprints: dict[str, str] = Field(default={}, alias="partialFingerprints")
    rule: str = Field(default="", alias="ruleId")
    message: _Text = _Text()
    locations: tuple[_Location, ...] = ()
    properties: _ResultProperties = _ResultProperties()

    def remembered(self) -> Remembered | None:
        fingerprint = self.fingerprints.get(PARTIAL_FINGERPRINT) or self.fingerprints.get(_FORMER)
        if fingerprint is None:
            return None
        place = self.locations[0].physical if self.locations else _Physical()
        title, _, message = self.message.text.partition("\n\n")
        return Remembered(
            fingerprint,
            unquote(place.artifact.uri, errors="surrogatepass"),
            self.properties.identity,
            self.properties.rule or self.rule,
            title,
            message,
            place.region.snippet.text,
            self.properties.severity,
        )


class _RunProperties(BaseModel):
    remembered: tuple[Remembered, ...] = ()


class _Run(BaseModel):
    results: tuple[_Result, ...] | None = None
    properties: _RunProperties = _RunProperties()


class _Sarif(BaseModel):
    """SARIF, of which results by other tools do not count."""

    version: Literal["2.1.0"]
    runs: tuple[_Run, ...]

    def remembered(self) -> Iterator[Remembered]:
        for run in self.runs:
            yield from (one for result in run.results or () if (one := result.remembered()))
            yield from run.properties.remembered


def remembered_in(text: str, source: str) -> tuple[Remembered, ...]:
    """What a report of an earlier review knows, each fingerprint once; `source` is its name in errors.

    Raises UsageError on anything but agentflow's JSON and SARIF 2.1.0.
    """
    data = _json(text, source)
    try:
        known = _known(data, source)
    except UsageError as error:
        raise UsageError(f"no baseline:\n{error.message}", hint=_HINT) from error
    first: dict[str, Remembered] = {}
    for one in known:
        first.setdefault(one.fingerprint, one)
    return tuple(first.values())


def _known(data: dict[str, Any], source: str) -> list[Remembered]:
    if "runs" in data:
        return list(validate(_Sarif, data, source).remembered())
    return list(validate(_ReviewDocument, data, source).remembered())


def _json(text: str, source: str) -> dict[str, Any]:
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source}: not JSON: {error}", hint=_HINT) from error
    if not isinstance(data, dict):
        raise UsageError(f"{source}: not a report: its root is no object", hint=_HINT)
    return data
