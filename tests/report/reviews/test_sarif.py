from __future__ import annotations

import copy
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator

from agentflow import __version__
from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Category, Severity
from agentflow.domain.reviews import Skipped
from agentflow.report.documents import as_text
from agentflow.report.reviews import sarif
from agentflow.report.reviews.sarif import review_sarif

OFFICIAL = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(OFFICIAL, format_checker=Draft4Validator.FORMAT_CHECKER)


@pytest.fixture
def run(review):
    """The one run of a review's log, after the log has passed the official schema."""

    def make(*findings, **changes):
        log = review_sarif(review(*findings, **changes))
        VALIDATOR.validate(log)
        return log["runs"][0]

    return make


def test_a_finding_is_a_result_with_its_rule(run, finding):
    told = run(finding())
    assert told["results"] == [
        {
            "ruleId": "off-by-one",
            "ruleIndex": 0,
            "level": "error",
            "message": {
                "text": "The loop reads past the end\n\n"
                "With n items it reads item n, which is not there, and raises IndexError."
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "src/a.py", "uriBaseId": "%SRCROOT%"},
                        "region": {
                            "startLine": 12,
                            "endLine": 13,
                            "snippet": {"text": "for i in range(n + 1):\n\tprint(items[i])"},
                        },
                    }
                }
            ],
            "partialFingerprints": {"agentflow/v1": "f" * 32},
            "suppressions": [],
            "properties": {
                "severity": "high",
                "category": "bug",
                "confidence": 0.92,
                "verified": "confirmed",
                "agreement": 3,
            },
        }
    ]
    driver = told["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("agentflow", __version__)
    assert [(rule["id"], rule["defaultConfiguration"]) for rule in driver["rules"]] == [
        ("off-by-one", {"level": "error"})
    ]
    assert "agentflow: ignore[off-by-one] reason" in driver["rules"][0]["help"]["text"]


def test_the_schema_refuses_what_is_wrong(review, finding):
    good = review_sarif(review(finding()))
    for change in (
        lambda log: log.update(version="2.0.0"),
        lambda log: log["runs"][0].pop("tool"),
        lambda log: log["runs"][0]["results"][0].update(level="high"),
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0].update(surprise=1),
        lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda log: log["runs"][0]["results"][0].update(baselineState="known"),
    ):
        bad = copy.deepcopy(good)
        change(bad)
        assert not VALIDATOR.is_valid(bad)


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_become_levels(run, finding, severity):
    (result,) = run(finding(severity=severity))["results"]
    assert result["level"] == {"critical": "error", "high": "error", "medium": "warning", "low": "note"}[severity]


def test_a_rule_stands_once_and_is_as_grave_as_its_worst_finding(run, finding):
    told = run(
        finding(rule="b", severity=Severity.LOW),
        finding(rule="a"),
        finding(rule="b", severity=Severity.CRITICAL, category=Category.API),
    )
    rules = told["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [("b", "error"), ("a", "error")]
    assert rules[0]["properties"]["tags"] == ["bug", "api"]
    assert [rules[result["ruleIndex"]]["id"] for result in told["results"]] == ["b", "a", "b"]
    assert [result["ruleId"] for result in told["results"]] == ["b", "a", "b"]


def test_only_security_rules_have_a_security_severity_of_their_own_findings(run, finding):
    told = run(
        finding(rule="injection", category=Category.SECURITY, severity=Severity.MEDIUM),
        finding(rule="injection", severity=Severity.CRITICAL),
        finding(rule="off-by-one", severity=Severity.CRITICAL),
    )
    scores = {rule["id"]: rule["properties"].get("security-severity") for rule in told["tool"]["driver"]["rules"]}
    assert scores == {"injection": "5.5", "off-by-one": None}


def test_what_is_suppressed_says_so_and_why(run, finding):
    results = run(finding(), finding(line=5, suppression="generated"))["results"]
    assert [result["suppressions"] for result in results] == [[], [{"kind": "inSource", "justification": "generated"}]]


def test_with_a_baseline_every_result_is_new_or_unchanged(run, finding):
    results = run(finding(), finding(line=5, known=True), baseline=("x",))["results"]
    assert [result["baselineState"] for result in results] == ["new", "unchanged"]
    assert "baselineState" not in run(finding())["results"][0]


def test_a_suggestion_is_a_fix_of_exactly_the_cited_lines(run, finding):
    (result,) = run(finding(suggestion="for i in range(n):\n"))["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "src/a.py"
    assert change["replacements"] == [
        {"deletedRegion": {"startLine": 12, "endLine": 13}, "insertedContent": {"text": "for i in range(n):"}}
    ]


def test_code_that_was_shortened_is_no_snippet(run, finding):
    (result,) = run(finding(end_line=112))["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 12, "endLine": 112}


def test_cut_findings_are_results_and_doubtful_ones_are_not(run, finding):
    assert len(run(finding(), finding(line=5), finding(confidence=0.1), max_findings=1)["results"]) == 2


@pytest.mark.parametrize("name", ["a b/ü.py", "c:d.py", "%41.py", "x?y#z.py", "new\nline\x1b.py", "[/red]\u202e.py", "'\"<>.py"])  # fmt: skip
def test_names_are_relative_uris(run, finding, name):
    (result,) = run(finding(file=name))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert uri.isascii()
    assert unquote(parts.path) == name


def test_files_that_failed_make_the_execution_unsuccessful(run, finding):
    failed, skipped = (Skipped("a b.py", "HTTP 529"),), (Skipped("x.bin", "binary"),)
    (invocation,) = run(finding(), failed=failed, skipped=skipped)["invocations"]
    assert invocation["executionSuccessful"] is False
    told = invocation["toolExecutionNotifications"]
    assert [(one["level"], one["message"]["text"]) for one in told] == [
        ("error", "not reviewed: HTTP 529"),
        ("note", "skipped: binary"),
    ]
    assert told[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.py"


def test_findings_alone_leave_the_execution_successful(run, finding):
    assert run(finding())["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    assert run(status=RunStatus.STOPPED)["invocations"][0]["executionSuccessful"] is False


def test_hostile_words_make_a_valid_log_without_links_or_controls(hostile_review):
    log = review_sarif(hostile_review)
    VALIDATOR.validate(log)
    assert as_text(log).isascii()
    for result in log["runs"][0]["results"]:
        assert "](" not in result["message"]["text"]
        assert "\x1b" not in result["message"]["text"]
        assert "\u202e" not in result["ruleId"]


def test_texts_stay_within_the_lengths_that_github_takes(run, finding):
    told = run(finding(rule="r" * 9_000, title="t" * 9_000, message="m" * 100_000))
    (rule,) = told["tool"]["driver"]["rules"]
    assert len(rule["id"]) == 255
    assert len(rule["fullDescription"]["text"]) <= 1_024
    assert len(told["results"][0]["message"]["text"]) <= 8_000
    assert told["results"][0]["ruleId"] == rule["id"]


def test_a_finding_without_a_rule_gets_its_category(run, finding):
    assert run(finding(rule=" \n"))["results"][0]["ruleId"] == "bug"


def test_more_results_than_github_takes_are_left_out_and_counted(review, finding):
    log = review_sarif(review(*[finding()] * 25_003))
    (run,) = log["runs"]
    assert len(run["results"]) == sarif.MOST_RESULTS == 25_000
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "3 results left out: a run holds 25000 at most"
