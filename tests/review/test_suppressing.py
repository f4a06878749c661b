from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.source import Source
from agentflow.review.suppressing import Ignore, ignores, suppression

CLAIM = Finding(
    rule="off-by-one",
    title="Reads past the end",
    message="Boom.",
    file="a.py",
    line=2,
    end_line=3,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.9,
    evidence="x",
)


def said(*lines, **claim):
    return suppression(replace(CLAIM, **claim), Source("a.py", lines))


@pytest.mark.parametrize(
    "comment",
    [
        "# agentflow: ignore[off-by-one] checked above",
        "// agentflow: ignore[off-by-one] checked above",
        "/* agentflow: ignore[off-by-one] checked above */",
        "-- agentflow: ignore[off-by-one] checked above",
        "<!-- agentflow: ignore[off-by-one] checked above -->",
        "; agentflow: ignore[off-by-one] checked above",
        "#agentflow:ignore[off-by-one]   checked above  ",
        "# Agentflow: Ignore[Off-By-One] checked above",
        "# agentflow: ignore[leak, off-by-one] checked above",
        "# agentflow: ignore[*] checked above",
        "# noqa: E501  # agentflow: ignore[off-by-one] checked above",
    ],
)
def test_a_comment_with_a_reason_is_honoured_whatever_begins_it(comment):
    assert said("a", f"b  {comment}", "c") == "checked above"
    assert said("a", "b", f"c  {comment}") == "checked above"
    assert said(f"    {comment}", "b", "c").startswith("checked above")


@pytest.mark.parametrize(
    "comment",
    [
        "# agentflow: ignore[off-by-one]",
        "/* agentflow: ignore[off-by-one] */",
        "<!-- agentflow: ignore[*] -->",
        "# agentflow: ignore[leak] of another rule",
        "# agentflow: ignore[] nothing",
        "# agentflow: ignore off-by-one",
        "# agentflow: ignore[off] a part of the rule's name",
        "agentflow: ignore[off-by-one] in no comment",
    ],
)
def test_without_a_reason_a_rule_and_a_comment_nothing_is_ignored(comment):
    assert said("a", f"b  {comment}", "c") is None
    assert said(comment, "b", "c") is None


def test_comments_on_other_lines_do_not_count():
    comment = "# agentflow: ignore[*] far away"
    assert said(comment, "a", "b", "c", line=3, end_line=None) is None
    assert said("a", "b", "c", comment) is None


def test_a_comment_behind_code_speaks_of_its_own_line_only():
    assert said("a  # agentflow: ignore[*] because", "b", "c") is None


def test_the_first_line_has_no_line_above():
    assert said("a", "b  # agentflow: ignore[*] because", line=1, end_line=None) is None
    assert said("a  # agentflow: ignore[*] because", line=1, end_line=None) == "because"


def test_a_comment_without_a_reason_can_be_told_of():
    lines = ("a", "b  # agentflow: ignore[x, Y]", "// agentflow: ignore[*] fine")
    assert ignores(Source("a.py", lines)) == (
        Ignore(2, ("x", "y"), "", alone=False),
        Ignore(3, ("*",), "fine", alone=True),
    )
