from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.domain.findings import Answer, Category, Finding, How, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Mode, ReviewSpec
from agentflow.review.selecting import select

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="Boom.",
    file="a.py",
    line=1,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="x",
)
SPEC = ReviewSpec(Mode.FILES, "base", "base")


def reviewed(name, verified=Verified.CONFIRMED, *, known=False, suppression=None, answer=None, **claim):
    """A finding with its name as the fingerprint."""
    claimed = replace(CLAIM, **claim)
    return ReviewedFinding(claimed, name, verified, known=known, suppression=suppression, answer=answer)


def names(some):
    return "".join(one.fingerprint for one in some)


def test_findings_are_shown_worst_first_then_by_certainty_and_place():
    findings = [
        reviewed("g", severity=Severity.LOW, confidence=1.0),
        reviewed("c", confidence=0.85),
        reviewed("f", Verified.UNSURE, confidence=1.0),
        reviewed("e", confidence=0.85, file="b.py"),
        reviewed("d", confidence=0.85, line=2),
        reviewed("a", severity=Severity.CRITICAL, confidence=0.8),
        reviewed("b", Verified.UNVERIFIED),
    ]
    assert names(select(findings, SPEC).shown) == "abcdefg"


def test_each_finding_is_in_the_group_it_belongs_to():
    findings = [
        reviewed("a"),
        reviewed("b", confidence=0.79),
        reviewed("c", known=True, confidence=0.1),
        reviewed("d", suppression="as agreed", known=True),
        reviewed("e", confidence=0.8),
    ]
    chosen = select(findings, SPEC)
    assert names(chosen.shown) == "ae"
    assert names(chosen.doubtful) == "b"
    assert names(chosen.known) == "c"
    assert names(chosen.suppressed) == "d"
    assert chosen.cut == ()


def test_only_so_many_are_shown_and_the_rest_is_cut():
    findings = [reviewed(str(n), line=n) for n in range(1, 6)]
    chosen = select(findings, replace(SPEC, max_findings=2))
    assert (names(chosen.shown), names(chosen.cut)) == ("12", "345")


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [(None, ""), (Severity.CRITICAL, "a"), (Severity.HIGH, "ab"), (Severity.MEDIUM, "abc"), (Severity.LOW, "abcd")],
)
def test_findings_at_or_above_the_threshold_fail_the_review_even_when_cut(fail_on, failing):
    findings = [reviewed(name, severity=severity) for name, severity in zip("abcd", Severity, strict=True)]
    for limit in (None, 1):
        assert names(select(findings, replace(SPEC, max_findings=limit)).failing(fail_on)) == failing


@pytest.mark.parametrize(
    "harmless",
    [
        reviewed("a", Verified.UNSURE),
        reviewed("a", confidence=0.5),
        reviewed("a", known=True),
        reviewed("a", suppression="as agreed"),
    ],
)
def test_what_is_unsure_doubtful_known_or_suppressed_fails_nothing(harmless):
    assert select([harmless], SPEC).failing(Severity.LOW) == ()


def test_what_nobody_could_verify_still_fails():
    assert names(select([reviewed("a", Verified.UNVERIFIED)], SPEC).failing(Severity.HIGH)) == "a"


FINDINGS = st.lists(
    st.builds(
        reviewed,
        st.text(max_size=3),
        st.sampled_from(Verified),
        known=st.booleans(),
        suppression=st.none() | st.just("why"),
        severity=st.sampled_from(Severity),
        confidence=st.floats(0, 1),
    ),
    max_size=12,
)


@given(FINDINGS, st.none() | st.integers(1, 12), st.randoms())
def test_every_finding_is_in_one_group_whatever_their_order(findings, limit, random):
    spec = replace(SPEC, max_findings=limit)
    chosen = select(findings, spec)
    groups = [*chosen.shown, *chosen.cut, *chosen.doubtful, *chosen.known, *chosen.suppressed]
    assert sorted(map(repr, groups)) == sorted(map(repr, findings))
    again = select(random.sample(findings, len(findings)), spec)
    assert [f.finding for f in again.shown] == [f.finding for f in chosen.shown]


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("confidence", [0.9, 0.1])
def test_only_what_a_person_accepted_fails_nothing(how, confidence):
    found = [
        reviewed("a", answer=Answer(how, "bob", "", accepted=True), confidence=confidence),
        reviewed("b", answer=Answer(how, "mallory", "", accepted=False)),
    ]
    selection = select(found, SPEC)
    assert (names(selection.accepted), names(selection.shown)) == ("a", "b")
    assert names(selection.failing(Severity.HIGH)) == "b"
    assert selection.unsure(Severity.HIGH) == ()
    assert names(selection.answered) == "ba"
