"""What people said to findings on a pull request, in every form of the report."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from agentflow.domain.findings import Answer, How
from agentflow.report.documents import schema
from agentflow.report.reviews.document import review_document
from agentflow.report.reviews.markdown import review_markdown
from agentflow.report.reviews.neutral import inline
from agentflow.report.reviews.pull_request import pull_request_review
from agentflow.report.reviews.sarif import review_sarif
from agentflow.report.reviews.text import review_text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(How.RESOLVED, "bob", "u", accepted=True), "resolved by bob, so it fails nothing (u)"),
        (Answer(How.DISMISSED, "", "u", accepted=True), "dismissed, so it fails nothing (u)"),
        (
            Answer(How.RESOLVED, "eve", "u", accepted=False),
            "resolved by eve, who may not write here; it counts until somebody who may write here resolves the thread (u)",
        ),
        (
            Answer(How.REPLIED, "bob", "u", accepted=False),
            "replied to by bob; it counts until somebody who may write here resolves the thread (u)",
        ),
    ],
)
def test_what_a_person_answered_and_what_that_means_is_told(review, finding, answer, told):
    found = review(finding(answer=answer))
    line = f"The loop reads past the end: {told}"
    assert f"answered by a person:\n  high  src/a.py:12  {line}" in review_text(found)
    assert ("1 accepted on the pull request by a person" in review_text(found)) is answer.accepted
    assert review_text(found).startswith("✓ nothing at or above high" if answer.accepted else "✗ 1 finding")
    head = f"accepted on the pull request at or above high: 1 ({answer.by or answer.how})"
    assert (head in review_text(found).split("\n\n")[0]) is answer.accepted
    assert f"**Answered by a person**\n\n- {inline('high  src/a.py:12  ' + line)}\n" in review_markdown(found)
    document = review_document(found)
    (entry,) = document["accepted" if answer.accepted else "findings"]
    assert (entry["answer"]["by"], document["failing"]) == (answer.by, 0 if answer.accepted else 1)
    Draft202012Validator(schema("review-1")).validate(document)
    posted = pull_request_review(found, {"src/a.py": [(1, 99)]}, commit="b" * 40)
    assert f"#### Answered by a person\n\n- {inline('high  src/a.py:12  ' + line)}\n" in posted["body"]
    assert len(posted["comments"]) == (0 if answer.accepted else 1)
    assert len(review_sarif(found)["runs"][0]["results"]) == (0 if answer.accepted else 1)
