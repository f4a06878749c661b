from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agentflow.domain.findings import Severity
from agentflow.report.reviews.formats import FORMATS
from agentflow.report.reviews.rdjson import review_rdjson

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "rdjson.json").read_text())


def is_valid(document) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(document)


def test_a_finding_is_a_diagnostic(review, finding):
    lines = {"start": {"line": 12}, "end": {"line": 13}}
    result = review_rdjson(review(finding(suggestion="for i in range(n):\n")))
    assert result == {
        "source": {"name": "agentflow"},
        "severity": "ERROR",
        "diagnostics": [
            {
                "message": "The loop reads past the end\n\n"
                "With n items it reads item n, which is not there, and raises IndexError.\n\n"
                "(high, confidence 0.92, confirmed, 3 sessions agree)",
                "location": {"path": "src/a.py", "range": lines},
                "severity": "ERROR",
                "code": {"value": "off-by-one"},
                "suggestions": [{"range": lines, "text": "for i in range(n):"}],
            }
        ],
    }


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_become_reviewdogs(review, finding, severity):
    result = review_rdjson(review(finding(severity=severity)))
    expected = {"critical": "ERROR", "high": "ERROR", "medium": "WARNING", "low": "INFO"}[severity]
    assert result["severity"] == result["diagnostics"][0]["severity"] == expected


def test_only_what_is_shown_is_told(review, finding):
    result = review_rdjson(
        review(finding(), finding(line=9), finding(known=True), finding(suppression=""), finding(confidence=0.1), max_findings=1)
    )  # fmt: skip
    assert len(result["diagnostics"]) == 1


def test_every_review_fits_the_schema(review, finding, hostile_review, many_findings):
    for one in (review(), review(finding(end_line=None)), review(*many_findings), hostile_review):
        Draft202012Validator(SCHEMA).validate(review_rdjson(one))


def test_the_schema_refuses_what_is_wrong(review, finding):
    for change in ({"line": 0}, {"extra": 1}):
        result = review_rdjson(review(finding()))
        result["diagnostics"][0]["location"]["range"]["start"] |= change
        assert not is_valid(result)
    for key in ("message", "location", "severity", "code", "suggestions"):
        result = review_rdjson(review(finding()))
        del result["diagnostics"][0][key]
        assert not is_valid(result)


def test_words_are_neutral_and_the_path_is_exact(hostile_review, evil):
    (diagnostic,) = review_rdjson(hostile_review)["diagnostics"]
    assert diagnostic["location"]["path"] == evil
    assert not re.search(r"@\w|://|<", diagnostic["message"] + diagnostic["code"]["value"])


def test_as_lines_each_finding_is_a_diagnostic_of_its_own(review, many_findings):
    told = review(*many_findings)
    lines = FORMATS["rdjsonl"](told).split("\n")
    assert len(lines) == 200
    alone = [json.loads(line) for line in lines]
    assert [one.pop("source") for one in alone] == [{"name": "agentflow"}] * 200
    assert alone == review_rdjson(told)["diagnostics"]
    assert FORMATS["rdjsonl"](review()) == ""
