from __future__ import annotations

import json

import pytest

from agentflow.domain.reviews import Remembered
from agentflow.errors import UsageError
from agentflow.review.baseline import remembered_in

REVIEW = {
    "schema": "agentflow/review/1",
    "findings": [{"fingerprint": "a", "title": "x"}, {"fingerprint": "b"}],
    "suppressed": [{"fingerprint": "c"}],
    "known": [{"fingerprint": "d"}, {"fingerprint": "a"}],
    "doubtful": [{"fingerprint": "e"}],
}


def sarif(*results, **other):
    return {
        "version": "2.1.0",
        "$schema": "https://example.org",
        "runs": [{"tool": {}, "results": list(results)}],
        **other,
    }


def ours(fingerprint):
    return {"ruleId": "x", "partialFingerprints": {"agentflow/v1": fingerprint, "primaryLocationLineHash": "9:1"}}


def known(data):
    return tuple(one.fingerprint for one in remembered_in(json.dumps(data), "old.json"))


def test_a_review_document_gives_what_it_showed_knew_and_suppressed_once():
    assert known(REVIEW) == ("a", "b", "c", "d")


def test_a_review_document_without_findings_knows_nothing():
    assert known({"schema": "agentflow/review/1", "findings": []}) == ()


def test_sarif_gives_our_fingerprints_of_all_runs():
    document = sarif(ours("a"), ours("b"))
    document["runs"] += [{"results": [ours("c"), ours("a")]}, {"results": None}, {}]
    assert known(document) == ("a", "b", "c")


def test_sarif_of_an_earlier_version_gives_the_words_by_which_a_finding_is_known_again():
    place = {"artifactLocation": {"uri": "a%20b.py"}, "region": {"snippet": {"text": "return x / y"}}}
    result = ours("a") | {"message": {"text": "Zero\n\ny is 0."}, "locations": [{"physicalLocation": place}]}
    result["properties"] = {"severity": "high"}
    (one,) = remembered_in(json.dumps(sarif(result)), "old.sarif")
    assert one == Remembered("a", "a b.py", "", "x", "Zero", "y is 0.", "return x / y", "high")


def test_sarif_gives_what_it_remembers_without_making_results_of_it():
    document = sarif(ours("a"))
    document["runs"][0]["properties"] = {"remembered": [{"fingerprint": "b", "file": "x.py", "identity": "2/"}]}
    assert known(document) == ("a", "b")


def test_results_of_other_tools_do_not_count():
    assert known(sarif({"ruleId": "y"}, {"partialFingerprints": {"other/v1": "z"}}, ours("a"))) == ("a",)


def test_a_byte_order_mark_is_no_error():
    assert len(remembered_in("\ufeff" + json.dumps(REVIEW), "old.json")) == 4


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not JSON: Expecting value: line 1 column 1"),
        ("{", "not JSON: "),
        ('{"schema": "agentflow/review/1"', "line 1 column"),
        ("[" * 200_000, "not JSON: "),
        ("[]", "its root is no object"),
        ("3", "its root is no object"),
        ("{}", "schema: is required"),
        ('{"schema": "agentflow/run/1", "findings": []}', "schema: 'agentflow/run/1' is not one of agentflow/review/1"),
        ('{"schema": "agentflow/review/1"}', "findings: is required"),
        ('{"schema": "agentflow/review/1", "findings": [{"title": "x"}]}', "findings[0].fingerprint: is required"),
        ('{"schema": "agentflow/review/1", "findings": [{"fingerprint": 3}]}', "findings[0].fingerprint: "),
        ('{"schema": "agentflow/review/1", "findings": {"fingerprint": "3"}}', "findings: "),
        ('{"version": "2.0.0", "runs": []}', "version: '2.0.0' is not one of 2.1.0"),
        ('{"runs": []}', "version: is required"),
        ('{"version": "2.1.0", "runs": [{"results": [3]}]}', "runs[0].results[0]: "),
        ('{"version": "2.1.0", "runs": [{"results": [{"partialFingerprints": []}]}]}', "runs[0].results[0]"),
        ('{"a":' * 5_000 + "3" + "}" * 5_000, "old.json"),
    ],
)
def test_anything_else_is_a_usage_error_that_says_where_and_what_to_give(text, what):
    with pytest.raises(UsageError) as caught:
        remembered_in(text, "old.json")
    assert "old.json: " in caught.value.message
    assert what in caught.value.message
    assert "agentflow review --json" in caught.value.hint
