"""What a baseline knows, and what it does not hide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.findings import Answer, Category, Finding, How, Severity
from agentflow.domain.reviews import Commented, Remembered
from agentflow.review.fingerprints import former_fingerprints
from agentflow.review.identity import Read
from agentflow.review.remembering import answered, named
from agentflow.review.source import Source

CODE = """\
def mean(values):
    return sum(values) / len(values)
"""
TYPED = "import math\n\n\n" + CODE.replace("(values):", "(values: list[float], digits: int = 2) -> float:", 1)
OLD = Finding(
    rule="division-by-zero",
    title="An empty list divides by zero",
    message="mean([]) divides by len(values), which is 0.",
    file="a.py",
    line=2,
    end_line=None,
    severity=Severity.LOW,
    category=Category.BUG,
    confidence=0.9,
    evidence="return sum(values) / len(values)",
)
GRAVE = replace(
    OLD,
    rule="code-injection",
    title="A value can be an object that runs code",
    message="sum calls __radd__ of whatever the request holds.",
    severity=Severity.CRITICAL,
)


def read(code):
    return {"a.py": Read(Source("a.py", tuple(code.splitlines())))}


def told(*findings, known=(), code=CODE):
    return named(findings, known, read(code))


def remembered(*findings):
    return tuple(
        Remembered(fingerprint, one.file, identity)
        for one, (fingerprint, identity, _) in zip(findings, told(*findings), strict=True)
    )


def test_a_grave_defect_on_the_line_of_a_known_slight_one_is_not_known():
    ((_, _, known),) = told(GRAVE, known=remembered(OLD))
    assert not known


@pytest.mark.parametrize("said", [{}, {"category": Category.API}, {"rule": "zero-division", "title": "Crash for []"}])
def test_a_known_defect_keeps_its_fingerprint_whatever_it_is_called_and_wherever_it_moves(said):
    before = remembered(OLD)
    ((fingerprint, _, known),) = told(replace(OLD, line=5, **said), known=before, code=TYPED)
    assert known
    assert fingerprint == before[0].fingerprint


def test_one_known_defect_hides_one_and_not_two():
    both = "def mean(values):\n    return sum(values) / len(values)\n    log()\n    return sum(values) / len(values)\n"
    twice = told(OLD, replace(OLD, line=4), known=remembered(OLD), code=both)
    assert [known for _, _, known in twice] == [True, False]
    assert len({fingerprint for fingerprint, _, _ in twice}) == 2


def test_a_fingerprint_that_a_known_finding_has_is_not_given_to_another():
    before = remembered(OLD)
    swapped = replace(before[0], fingerprint=told(GRAVE)[0][0])
    both = told(OLD, GRAVE, known=[swapped])
    assert both[0][0] == swapped.fingerprint
    assert both[1][0] != both[0][0]


@pytest.mark.parametrize(
    ("claim", "expected"), [(OLD, True), (replace(OLD, category=Category.API), True), (GRAVE, False)]
)
def test_of_an_earlier_versions_report_fingerprint_and_words_decide(claim, expected):
    former = max(former_fingerprints(OLD, read(CODE)["a.py"]))
    known = Remembered(former, "a.py", "", OLD.rule, OLD.title, OLD.message, OLD.evidence, "low")
    assert told(claim, known=[known])[0][2] is expected
    assert not told(claim, known=[replace(known, fingerprint="f" * 32)])[0][2]


@pytest.mark.parametrize("identity", ["", "1/2", "2/", "2/1/99999//zz", "3/" + "/" * 11, "2" + "/" * 500])
def test_an_identity_that_nobody_wrote_recognises_nothing(identity):
    assert not told(OLD, known=[Remembered("f" * 32, "a.py", identity)])[0][2]


ACCEPTED = Answer(How.RESOLVED, "bob", "", accepted=True)


def test_an_answer_belongs_to_the_defect_it_was_given_to():
    (old,) = remembered(OLD)
    assert answered([GRAVE, OLD], [Commented(old, ACCEPTED)], read(CODE)) == {1: ACCEPTED}
    moved = replace(OLD, line=5, title="ZeroDivisionError for no values", rule="zero-division")
    assert answered([moved], [Commented(old, ACCEPTED)], read(TYPED)) == {0: ACCEPTED}
    assert answered([OLD], [Commented(old)], read(CODE)) == {}


def test_an_answer_is_not_taken_from_a_comment_that_says_less_of_it():
    old, grave = remembered(OLD, GRAVE)
    comments = [Commented(old), Commented(grave, ACCEPTED)]
    assert answered([OLD], comments, read(CODE)) == {}
    assert answered([GRAVE], comments, read(CODE)) == {0: ACCEPTED}
