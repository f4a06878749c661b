"""The JSON contract of a review: the document matches its schema, and the schema refuses what is wrong."""

from __future__ import annotations

import copy
import itertools
import json

import pytest
from jsonschema import Draft202012Validator

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Category, Dropped, Lowered, Severity, Verified, Why
from agentflow.domain.reviews import Skipped
from agentflow.report.documents import as_text, schema
from agentflow.report.reviews.document import review_document

#: Objects whose keys are names of the ledger: none of them is required.
FREE_KEYS = ("by_tier",)


def is_valid(document) -> bool:
    return Draft202012Validator(schema("review-1")).is_valid(document)


@pytest.fixture
def document(review, finding):
    """One with something at every place."""
    return review_document(
        review(
            finding(suggestion="for i in range(n):"),
            finding(severity=Severity.LOW, end_line=None),
            finding(confidence=0.5),
            finding(known=True),
            finding(suppression="generated"),
            max_findings=1,
            skipped=(Skipped("a.bin", "binary"),),
            failed=(Skipped("b.py", "HTTP 529"),),
            notes=("a note",),
            refuted=4,
            merged=3,
            voided=2,
            dropped=tuple(Dropped(why, finding().finding, "It is not there.", "sonnet", "f" * 32) for why in Why),
            lowered=(Lowered("f" * 32, Severity.CRITICAL, Severity.HIGH, "It is rare."),),
        )
    )


def places(document, path=()):
    """Every place in a document: paths to keys and to list items."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else ())
    )
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def inside(document, path):
    for key in path:
        document = document[key]
    return document


def test_the_schema_itself_is_valid():
    Draft202012Validator.check_schema(schema("review-1"))


def test_a_review_matches_its_schema(document):
    Draft202012Validator(schema("review-1")).validate(document)
    assert json.loads(as_text(document)) == document


def test_hostile_words_are_kept_exactly_and_printed_as_ascii(hostile_review, evil):
    document = review_document(hostile_review)
    assert is_valid(document)
    assert document["findings"][0]["file"] == document["files_failed"][0]["file"] == evil
    assert as_text(document).isascii()
    assert "\x1b" not in as_text(document)


def test_a_missing_key_is_refused(document):
    for path in places(document):
        changed = copy.deepcopy(document)
        holder = inside(changed, path[:-1])
        if isinstance(holder, dict) and path[-2:-1] != FREE_KEYS:
            del holder[path[-1]]
            assert not is_valid(changed), path


def test_an_extra_key_is_refused(document):
    for path in [(), *places(document)]:
        changed = copy.deepcopy(document)
        holder = inside(changed, path)
        if isinstance(holder, dict):
            holder["surprise"] = 1
            assert not is_valid(changed), path


def test_a_value_of_the_wrong_type_is_refused(document):
    for path in places(document):
        changed = copy.deepcopy(document)
        inside(changed, path[:-1])[path[-1]] = {} if isinstance(inside(changed, path), list) else [[]]
        assert not is_valid(changed), path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "crashed"),
        (("schema",), "agentflow/review/2"),
        (("base",), "HEAD"),
        (("mode",), "pr"),
        (("fail_on",), "never"),
        (("min_confidence",), 1.1),
        (("findings", 0, "line"), 0),
        (("findings", 0, "confidence"), -0.1),
        (("findings", 0, "severity"), "error"),
        (("findings", 0, "category"), "smell"),
        (("findings", 0, "verified"), "refuted"),
        (("findings", 0, "fingerprint"), ""),
        (("suppressed", 0, "suppression"), None),
        (("void", 0, "severity"), "error"),
        (("merged", 0, "into"), ""),
        (("lowered", 0, "reported"), "error"),
    ],
)
def test_a_value_outside_the_contract_is_refused(document, path, value):
    inside(document, path[:-1])[path[-1]] = value
    assert not is_valid(document)


def test_findings_are_in_their_groups_and_counted(document):
    counts = {"shown": 1, "cut": 1, "doubtful": 1, "known": 1, "suppressed": 1, "accepted": 0}
    counts |= {"voided": 2, "merged": 3, "refuted": 4}
    assert document["counts"] == counts
    assert [one["severity"] for one in document["findings"]] == ["high", "low"]
    assert (document["failing"], document["unsure"]) == (1, 1)
    assert [len(document[name]) for name in ("void", "refuted", "merged", "lowered")] == [1, 1, 1, 1]
    assert (document["doubtful"][0]["confidence"], document["suppressed"][0]["suppression"]) == (0.5, "generated")
    assert (document["partial"], document["files_failed"]) == (True, [{"file": "b.py", "reason": "HTTP 529"}])


def test_the_bill_is_by_tier_and_by_kind_with_the_kinds_of_a_review(document):
    assert (document["cost_usd"], document["unpriced_calls"]) == (0.0123, 1)
    assert list(document["usage"]["by_tier"]) == ["haiku", "sonnet"]
    assert set(document["usage"]["by_kind"]) == {"review", "synthesize", "verify"}
    assert document["usage"]["by_kind"]["synthesize"]["calls"] == 0


def test_every_word_fits_the_schema(review, finding):
    findings = [
        finding(severity=severity, category=category, verified=verified)
        for severity, category, verified in itertools.product(Severity, Category, Verified)
    ]
    for status, fail_on in itertools.product(RunStatus, [*Severity, None]):
        found = review(*findings, status=status, fail_on=fail_on, budget_usd=None, remembered=(), pull_request=7)
        Draft202012Validator(schema("review-1")).validate(review_document(found))


def test_a_review_that_has_not_begun_fits_the_schema(review):
    assert is_valid(review_document(review(status=RunStatus.PLANNED, reviewed=(), packs=0, calls=())))
