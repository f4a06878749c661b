from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator

from agentflow import __version__
from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Category, Severity
from agentflow.domain.reviews import Remembered, Skipped
from agentflow.report.documents import as_text
from agentflow.report.reviews import sarif
from agentflow.report.reviews.sarif import review_sarif
from agentflow.review.baseline import remembered_in
from agentflow.review.identity import Read
from agentflow.review.line_hashes import line_hashes
from agentflow.review.remembering import named
from agentflow.review.source import Source
from agentflow.review.text import lines_of

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
            "ruleId": "out-of-bounds",
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
            "partialFingerprints": {"agentflow/v2": "f" * 32},
            "properties": {
                "severity": "high",
                "category": "bug",
                "confidence": 0.92,
                "verified": "confirmed",
                "agreement": 3,
                "rule": "off-by-one",
                "identity": "",
            },
        }
    ]
    driver = told["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("agentflow", __version__)
    assert [(rule["id"], rule["defaultConfiguration"]) for rule in driver["rules"]] == [
        ("out-of-bounds", {"level": "error"})
    ]
    assert driver["rules"][0]["helpUri"] == "https://cwe.mitre.org/data/definitions/129.html"
    assert urlsplit(driver["informationUri"]).scheme == "https"
    assert "agentflow: ignore[out-of-bounds] reason" in driver["rules"][0]["help"]["text"]


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
        finding(rule="memory-leak", severity=Severity.LOW),
        finding(rule="deadlock"),
        finding(rule="unclosed-file", severity=Severity.CRITICAL, category=Category.API),
    )
    rules = told["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [
        ("resource-leak", "error"),
        ("deadlock", "error"),
    ]
    assert rules[0]["properties"]["tags"] == ["bug", "api"]
    named = [rules[result["ruleIndex"]]["id"] for result in told["results"]]
    assert named == [result["ruleId"] for result in told["results"]]
    assert sorted(named) == ["deadlock", "resource-leak", "resource-leak"]


def test_only_security_rules_have_a_security_severity_of_their_own_findings(run, finding):
    told = run(
        finding(rule="sql-injection", category=Category.SECURITY, severity=Severity.MEDIUM),
        finding(rule="sql-injection", severity=Severity.CRITICAL),
        finding(rule="off-by-one", severity=Severity.CRITICAL),
    )
    scores = {rule["id"]: rule["properties"].get("security-severity") for rule in told["tool"]["driver"]["rules"]}
    assert scores == {"sql-injection": "5.5", "out-of-bounds": None}


def test_what_is_suppressed_or_known_is_no_result_since_code_scanning_would_open_an_alert_for_it(run, finding):
    kept = (finding(line=5, suppression="generated", fingerprint="a"), finding(line=7, known=True, fingerprint="b"))
    told = run(finding(), *kept, remembered=(Remembered("x"),))
    (result,) = told["results"]
    assert result["baselineState"] == "new"
    assert "suppressions" not in result
    assert "baselineState" not in run(finding())["results"][0]


def test_a_log_is_a_baseline_of_all_that_it_knows(review, finding):
    kept = (finding(line=5, suppression="generated", fingerprint="a"), finding(line=7, known=True, fingerprint="b"))
    log = review_sarif(review(finding(), *kept, remembered=(Remembered("x"),)))
    known = remembered_in(as_text(log), "told.sarif")
    assert {one.fingerprint for one in known} == {"f" * 32, "a", "b"}
    assert {one.file for one in known} == {"src/a.py"}


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
    assert len(rule["id"]) <= 255
    assert len(rule["fullDescription"]["text"]) <= 1_024
    assert len(told["results"][0]["properties"]["rule"]) <= 8_000
    assert len(told["results"][0]["message"]["text"]) <= 8_000
    assert told["results"][0]["ruleId"] == rule["id"]


@pytest.mark.parametrize(
    "said",
    [
        {"rule": "index-error"},
        {"rule": " \n"},
        {"rule": "IndexOutOfBounds", "category": Category.API, "title": "Wrong loop"},
        {"rule": "loop", "message": "It fails."},
    ],
)
def test_a_rule_is_the_kind_of_defect_whatever_word_a_model_has_for_it(run, finding, said):
    assert run(finding(**said))["results"][0]["ruleId"] == "out-of-bounds"


def test_what_is_of_no_kind_has_a_rule_of_its_own(run, finding):
    odd = finding(rule="quux", title="It is odd", message="Odd.")
    assert run(odd)["results"][0]["ruleId"] == "other-defect"


def test_the_reviewed_commit_and_its_repository_are_named(run, finding):
    address = "https://github.com/octo/cat"
    (one,) = run(finding(), repository=address)["versionControlProvenance"]
    assert one == {"repositoryUri": address, "revisionId": "b" * 40, "mappedTo": {"uriBaseId": "%SRCROOT%"}}
    assert "versionControlProvenance" not in run(finding())


def test_more_results_than_github_takes_are_left_out_and_counted(review, finding):
    log = review_sarif(review(*[finding()] * 25_003))
    (run,) = log["runs"]
    assert len(run["results"]) == sarif.MOST_RESULTS == 25_000
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"] == "3 results left out: a run holds 25000 at most"


CODE = "def f(items):\n    return items[len(items)]\n\n\ndef g(items):\n    return sum(items) / len(items)\n"
MOVED = "import os\n\n\ndef h():\n    pass\n\n\n" + CODE.replace("def f(items):", "def f(items: list[int]) -> int:")


def results_of(code, review, finding, said):
    source = Source("src/a.py", lines_of(code))
    places = [n for n, line in enumerate(source.lines, start=1) if "len(items)" in line]
    claims = [finding(line=n, end_line=None, **one).finding for n, one in zip(places, said, strict=True)]
    names = named(claims, (), {"src/a.py": Read(source)})
    hashes = line_hashes(source)
    found = [
        finding(line=claim.line, **said[n], end_line=None, fingerprint=names[n][0], line_hash=hashes[claim.line - 1])
        for n, claim in enumerate(claims)
    ]
    results = review_sarif(review(*found))["runs"][0]["results"]
    return [(result["ruleId"], result["partialFingerprints"]) for result in results]


def test_two_runs_on_moved_code_in_other_words_give_the_same_fingerprints_and_rule_ids(review, finding):
    first = [{"rule": "off-by-one"}, {"rule": "division-by-zero", "title": "An empty list divides by zero"}]
    second = [
        {"rule": "index-error", "title": "Index out of range", "category": Category.API},
        {"rule": "ZeroDivisionError", "title": "Crash for nothing", "message": "len(items) is 0.", "confidence": 0.91},
    ]
    one, other = results_of(CODE, review, finding, first), results_of(MOVED, review, finding, second)
    assert sorted(one, key=str) == sorted(other, key=str)
    assert {rule for rule, _ in one} == {"out-of-bounds", "division-by-zero"}


@pytest.fixture
def multitool(tmp_path):
    """What Microsoft's validator says of a log by its own rules and GitHub's, errors and warnings: its rules."""
    program = os.environ.get("SARIF_MULTITOOL")
    if not program:
        pytest.skip("it is fetched and named by `make sarif`")

    def say(log):
        given, said = tmp_path / "given.sarif", tmp_path / "said.sarif"
        given.write_text(as_text(log), encoding="utf-8")
        rules = [
            "--rule-kind",
            "Sarif;Ghas",
            "--level",
            "Error;Warning",
            "--output",
            str(said),
            "--log",
            "ForceOverwrite",
        ]
        env = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
        subprocess.run(
            [program, "validate", str(given), *rules], env=env, check=False, capture_output=True, timeout=120
        )
        results = json.loads(said.read_text(encoding="utf-8-sig"))["runs"][0]["results"]
        return [str(one["ruleId"]) for one in results]

    return say


@pytest.mark.long
def test_the_official_validator_finds_no_fault_by_githubs_rules_and_finds_those_that_are_put_in(
    multitool, review, finding, hostile_review, many_findings
):
    assert multitool(review_sarif(review(finding()))) == []
    assert multitool(review_sarif(review())) == []
    assert multitool(review_sarif(review(*many_findings))) == []
    assert multitool(review_sarif(hostile_review)) == []
    broken = review_sarif(review(finding()))
    del broken["runs"][0]["results"][0]["locations"]
    assert "GH1015" in multitool(broken), "a result names where it is"
