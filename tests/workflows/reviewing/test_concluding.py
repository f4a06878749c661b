"""What people said on the pull request, when a review is concluded."""

from __future__ import annotations

import pytest

from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import Answer, Category, Finding, How, Severity, Verified
from agentflow.domain.reviews import Commented, Mode, Pack, Part, Remembered, ReviewSpec, Scope
from agentflow.review.identity import Read
from agentflow.review.joining import join_repeats
from agentflow.review.remembering import named
from agentflow.review.selecting import select
from agentflow.review.source import Source
from agentflow.workflows.reviewing.concluding import concluded
from agentflow.workflows.reviewing.orders import Checked, Found, Synthesis

SOURCES = {"a.py": Source("a.py", ("def mean(values):", "    return sum(values) / len(values)"))}
ZERO = Finding(
    rule="division-by-zero",
    title="An empty list divides by zero",
    message="mean([]) divides by len(values), which is 0.",
    file="a.py",
    line=2,
    end_line=None,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="return sum(values) / len(values)",
)


def comment(answer: Answer | None) -> Commented:
    ((fingerprint, identity, _),) = named([ZERO], (), {"a.py": Read(SOURCES["a.py"])})
    return Commented(Remembered(fingerprint, "a.py", identity), answer)


@pytest.mark.parametrize(
    ("answer", "failing"),
    [
        (None, 1),
        (Answer(How.REPLIED, "bob", "u", accepted=False), 1),
        (Answer(How.RESOLVED, "mallory", "u", accepted=False), 1),
        (Answer(How.RESOLVED, "bob", "u", accepted=True), 0),
        (Answer(How.DISMISSED, "", "u", accepted=True), 0),
    ],
)
def test_only_what_was_accepted_leaves_the_gate_and_it_is_kept_with_the_answer(answer, failing):
    spec = ReviewSpec(Mode.DIFF, "base", "head", pull_request=7, commented=(comment(answer),))
    assert decode(ReviewSpec, encode(spec)) == spec
    pack = Pack(1, (Part("a.py", 1, 2, 9),))
    synthesis = Synthesis(join_repeats({"pack-1": [ZERO]}))
    findings, _ = concluded(spec, Scope((pack,), ()), [Found(pack, (ZERO,))], synthesis, Checked(), SOURCES)
    assert [(one.answer, one.verified) for one in findings] == [(answer, Verified.UNVERIFIED)]
    assert len(select(findings, spec).failing(Severity.HIGH)) == failing
