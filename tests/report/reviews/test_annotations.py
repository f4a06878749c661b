from __future__ import annotations

import re
from collections import Counter

import pytest

from agentflow.domain.findings import Severity
from agentflow.domain.reviews import Skipped
from agentflow.report.reviews.annotations import review_annotations

COMMAND = re.compile(r"::(error|warning|notice)(?: ([^:]*))?::(.*)")


def parsed(text: str):
    """Each line as the runner reads it: the level, the properties, the message."""
    for line in text.splitlines():
        level, properties, message = COMMAND.fullmatch(line).groups()
        pairs = dict(pair.split("=", 1) for pair in properties.split(",")) if properties else {}
        yield level, {name: unescaped(value) for name, value in pairs.items()}, unescaped(message)


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_a_finding_is_one_command(review, finding):
    assert review_annotations(review(finding(title="100%: a, b"))) == (
        "::error file=src/a.py,line=12,endLine=13,title=high%3A 100%25%3A a%2C b::"
        "With n items it reads item n, which is not there, and raises IndexError.%0A"
        "(off-by-one, confidence 0.92, confirmed, 3 sessions agree)"
    )


@pytest.mark.parametrize("severity", list(Severity))
def test_severities_become_the_three_levels(review, finding, severity):
    ((level, properties, _),) = parsed(review_annotations(review(finding(severity=severity))))
    assert level == {"critical": "error", "high": "error", "medium": "warning", "low": "notice"}[severity]
    assert properties["title"].startswith(f"{severity}: ")


def test_200_findings_keep_within_the_limits_and_the_rest_is_counted(review, many_findings):
    commands = list(parsed(review_annotations(review(*many_findings))))
    assert Counter(level for level, _, _ in commands) == {"error": 10, "warning": 10, "notice": 10}
    assert [level for level, _, _ in commands] == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert all(properties["title"].startswith("critical: ") for _, properties, _ in commands[:10])
    assert commands[-1] == ("notice", {}, "171 more findings are not annotated; agentflow review --json lists all")


def test_findings_cut_by_the_user_are_counted_too(review, many_findings):
    commands = list(parsed(review_annotations(review(*many_findings, max_findings=3))))
    assert [level for level, _, _ in commands] == ["error", "error", "error", "notice"]
    assert commands[-1][2].startswith("197 more findings")


def test_as_many_as_fit_need_no_last_notice(review, many_findings):
    low = [one for one in many_findings if one.finding.severity is Severity.LOW]
    commands = list(parsed(review_annotations(review(*low[:10]))))
    assert len(commands) == 10
    assert all(properties for _, properties, _ in commands)


def test_a_partial_review_is_a_warning_within_the_limits(review, many_findings):
    told = review_annotations(review(*many_findings, failed=(Skipped("x.py", "HTTP 529"),)))
    commands = list(parsed(told))
    assert commands[0] == ("warning", {}, "partial: 1 file could not be reviewed")
    assert Counter(level for level, _, _ in commands) == {"error": 10, "warning": 10, "notice": 10}


def test_a_review_without_findings_says_nothing(review):
    assert review_annotations(review()) == ""


def test_nothing_in_a_name_or_a_message_starts_another_command(hostile_review):
    told = review_annotations(hostile_review)
    partial, (level, properties, message) = parsed(told)
    assert partial[0] == "warning"
    assert level == "error"
    assert set(properties) == {"line", "endLine", "title"}
    assert message.startswith("x\\x0a::error::")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\u2066\ud800-\udfff]", told)


def test_a_name_with_a_comma_a_colon_and_a_percent_stays_one_property(review, finding):
    ((_, properties, _),) = parsed(review_annotations(review(finding(file="a,line=1:%0A.py"))))
    assert (properties["file"], properties["line"]) == ("a,line=1:%0A.py", "12")
