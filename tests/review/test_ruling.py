from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.findings import Category, Finding, Severity, Verified
from agentflow.review.joining import Candidate
from agentflow.review.ruling import Ruling, is_contested, one_each, settle

CLAIM = Finding(
    rule="off-by-one",
    title="The loop reads past the end",
    message="last([1]) raises IndexError.",
    file="a.py",
    line=1,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.7,
    evidence="x",
)


def ruling(verdict, confidence=0.9):
    return Ruling(1, verdict, "Line 1.", confidence, "sonnet")


def candidate(severity=Severity.HIGH, confidence=0.7):
    return Candidate(1, replace(CLAIM, severity=severity, confidence=confidence), ("pack-1", "pack-2"))


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.HIGH])
def test_a_grave_finding_is_contested_when_its_ruling_leaves_doubt(severity):
    assert is_contested(candidate(severity), None)
    assert is_contested(candidate(severity), ruling("unsure"))
    assert is_contested(candidate(severity, confidence=0.1), ruling("refuted"))
    assert not is_contested(candidate(severity), ruling("confirmed"))


@pytest.mark.parametrize("severity", [Severity.MEDIUM, Severity.LOW])
@pytest.mark.parametrize("given_ruling", [None, ruling("unsure"), ruling("refuted"), ruling("confirmed")])
def test_a_lesser_finding_is_never_contested(severity, given_ruling):
    assert not is_contested(candidate(severity, confidence=1.0), given_ruling)


def settled(*rulings):
    one = candidate()
    return one, settle([one], rulings)


def test_a_confirmed_finding_is_as_sure_as_its_verifier_and_counts_it():
    one, result = settled(ruling("confirmed", 0.95))
    sure = replace(one, finding=replace(one.finding, confidence=0.95), readers=(*one.readers, "sonnet"))
    assert result.kept == ((sure, Verified.CONFIRMED),)


@pytest.mark.parametrize(("said", "kept"), [(0.4, 0.4), (0.9, 0.7)])
def test_an_unsure_finding_has_the_lesser_confidence(said, kept):
    one, result = settled(ruling("unsure", said))
    assert result.kept == ((replace(one, finding=replace(one.finding, confidence=kept)), Verified.UNSURE),)


def test_a_finding_without_a_ruling_stays_as_it_was():
    one, result = settled()
    assert result.kept == ((one, Verified.UNVERIFIED),)


def test_a_lesser_finding_is_dropped_by_one_refutation():
    one, against = candidate(Severity.MEDIUM), ruling("refuted")
    result = settle([one], [against])
    assert (result.kept, result.refuted) == ((), ((one, (against,)),))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["refuted"], Verified.UNSURE),
        (["refuted", "refuted"], None),
        (["refuted", "unsure"], Verified.UNSURE),
        (["unsure", "refuted"], Verified.UNSURE),
        (["refuted", "confirmed"], Verified.CONFIRMED),
        (["unsure", "confirmed"], Verified.CONFIRMED),
    ],
)
def test_a_grave_finding_is_dropped_only_when_its_refutation_was_checked(verdicts, expected):
    _, result = settled(*map(ruling, verdicts))
    assert [verified for _, verified in result.kept] == ([expected] if expected else [])
    assert len(result.refuted) == (expected is None)


@pytest.mark.parametrize(
    ("proposed", "confirmed", "expected"),
    [
        (Severity.LOW, Severity.LOW, Severity.LOW),
        (Severity.LOW, Severity.MEDIUM, Severity.MEDIUM),
        (Severity.MEDIUM, Severity.LOW, Severity.MEDIUM),
        (Severity.LOW, Severity.CRITICAL, None),
        (Severity.LOW, None, None),
        (None, Severity.LOW, None),
    ],
)
def test_a_severity_is_lowered_only_as_far_as_two_readers_do(proposed, confirmed, expected):
    one = replace(candidate(), lower=proposed, reason="Rare.")
    ((kept, _),) = settle([one], [replace(ruling("confirmed"), severity=confirmed)]).kept
    assert (kept.finding.severity, kept.lower) == (expected or Severity.HIGH, expected)


@pytest.mark.parametrize("order", [("confirmed", "refuted"), ("refuted", "confirmed"), ("unsure", "refuted")])
def test_a_verifier_that_contradicts_itself_is_unsure(order):
    (one,) = one_each(map(ruling, order))
    assert (one.verdict, "contradicts itself" in one.reason) == ("unsure", True)


def test_a_verifier_that_repeats_itself_says_it_once():
    assert one_each([ruling("refuted", 0.6), ruling("refuted", 0.9)]) == (ruling("refuted", 0.9),)
