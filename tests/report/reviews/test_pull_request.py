from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agentflow.domain.attempts import RunStatus
from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Skipped
from agentflow.report.reviews.pull_request import _place, pull_request_review

COMMIT = "b" * 40
ALL = {"src/a.py": [(1, 1000)]}
CODE = "for i in range(n):\n\tprint(items[i])"


def test_a_finding_on_lines_of_the_diff_is_a_comment_on_them(review, finding):
    payload = pull_request_review(review(finding()), {"src/a.py": [(1, 11), (12, 40)]}, commit=COMMIT)
    (comment,) = payload["comments"]
    assert {name: comment[name] for name in comment if name != "body"} == {
        "path": "src/a.py",
        "start_line": 12,
        "start_side": "RIGHT",
        "line": 13,
        "side": "RIGHT",
    }
    assert (payload["event"], payload["commit_id"]) == ("COMMENT", COMMIT)


def test_a_comment_tells_the_finding_and_carries_its_fingerprint(review, finding):
    (comment,) = pull_request_review(review(finding()), ALL, commit=COMMIT)["comments"]
    assert comment["body"] == (
        f"<!-- agentflow:finding:{'f' * 32} -->\n"
        "**high: The loop reads past the end**\n\n"
        "With n items it reads item n, which is not there, and raises IndexError.\n\n"
        "<sub>bug, `off-by-one`, confidence 0.92, confirmed, 3 sessions agree</sub>"
    )


@pytest.mark.parametrize(
    ("spans", "place"),
    [
        ([(1, 20)], (5, 9)),
        ([(5, 9)], (5, 9)),
        ([(1, 5), (9, 20)], (5, 5)),
        ([(8, 20)], (8, 8)),
        ([(1, 7), (8, 20)], (5, 5)),
        ([(1, 4), (10, 20)], None),
        ([], None),
    ],
)
def test_lines_that_no_single_hunk_shows_shrink_to_the_first_shown_one(finding, spans, place):
    assert _place(finding(line=5, end_line=9), spans) == place


spans = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(spans, st.integers(1, 70), st.none() | st.integers(0, 9))
def test_no_comment_is_ever_placed_outside_of_one_hunk(spans, line, more):
    end = None if more is None else line + more
    found = Finding("r", "t", "m", "f", line, end, Severity.LOW, Category.BUG, 1.0, "e")
    place = _place(ReviewedFinding(found, "f", Verified.CONFIRMED), spans)
    visible = {n for first, last in spans for n in range(first, last + 1)}
    assert (place is None) == (not visible & set(range(line, found.last_line + 1)))
    if place:
        assert line <= place[0] <= place[1] <= found.last_line
        assert any(first <= place[0] and place[1] <= last for first, last in spans)


def test_a_single_line_is_a_comment_without_a_start(review, finding):
    (comment,) = pull_request_review(review(finding(end_line=None)), ALL, commit=COMMIT)["comments"]
    assert comment["line"] == 12
    assert "start_line" not in comment


def test_a_finding_outside_of_the_diff_is_in_the_text(review, finding):
    payload = pull_request_review(review(finding()), {"src/b.py": [(1, 99)]}, commit=COMMIT)
    assert payload["comments"] == []
    assert "- **high** `src/a.py:12` **The loop reads past the end** With n items" in payload["body"]


@pytest.mark.parametrize("spans", [[], [(1, 11)], [(14, 99)]])
def test_a_finding_the_diff_does_not_show_is_a_comment_on_its_file_with_the_line(review, finding, spans):
    payload = pull_request_review(review(finding(suggestion=CODE)), {"src/a.py": spans}, commit=COMMIT)
    assert payload["comments"] == []
    (comment,) = payload["file_comments"]
    assert (comment["path"], comment["subject_type"], set(comment)) == (
        "src/a.py",
        "file",
        {"path", "subject_type", "body"},
    )
    assert "\n\nAt line 12, which the diff does not show.\n\n<sub>" in comment["body"]
    assert "suggestion" not in comment["body"]
    assert "- **high**" not in payload["body"]


def test_what_github_refuses_goes_to_its_file_and_then_into_the_text(review, finding):
    found = review(finding(fingerprint="a" * 32), finding(fingerprint="b" * 32))
    off = pull_request_review(found, ALL, commit=COMMIT, off=frozenset({"a" * 32}))
    assert [len(off[name]) for name in ("comments", "file_comments")] == [1, 1]
    out = pull_request_review(found, ALL, commit=COMMIT, off=frozenset({"a" * 32}), out=frozenset({"a" * 32}))
    assert [len(out[name]) for name in ("comments", "file_comments")] == [1, 0]
    assert out["body"].count("\n- **high**") == 1


def test_comments_on_files_count_among_the_most(review, finding):
    found = [finding(fingerprint=f"{n:032x}", line=1 + n % 2, end_line=None) for n in range(30)]
    for some, placed in ((found, [10, 0]), (found[1::2], [0, 10])):
        payload = pull_request_review(review(*some), {"src/a.py": [(1, 1)]}, commit=COMMIT)
        assert [len(payload[name]) for name in ("comments", "file_comments")] == placed


def test_the_worst_of_200_findings_are_comments_and_the_rest_is_listed_within_the_limit(review, many_findings):
    payload = pull_request_review(review(*many_findings), ALL, commit=COMMIT)
    assert len(payload["comments"]) == 10
    assert all("**critical: " in comment["body"] for comment in payload["comments"])
    assert (
        "200 findings: 50 critical, 50 high, 50 medium, 50 low. 10 of them are comments on the code." in payload["body"]
    )
    assert payload["body"].count("\n- **") == 190
    assert len(payload["body"]) <= 65_000


@pytest.mark.parametrize(("limit", "comments"), [(0, 0), (3, 3), (20, 20), (200, 20), (-1, 0)])
def test_there_are_never_more_than_twenty_comments(review, many_findings, limit, comments):
    payload = pull_request_review(review(*many_findings), ALL, commit=COMMIT, limit=limit)
    assert len(payload["comments"]) == comments
    assert payload["body"].count("\n- **") == 200 - comments


@pytest.mark.parametrize("visible", [{}, ALL])
def test_the_longest_texts_stay_within_githubs_limits(review, finding, visible):
    long = "@\u202e://" * 40_000
    words = dict.fromkeys(("rule", "title", "message", "file", "suggestion"), long) | (
        {"file": "src/a.py"} if visible else {}
    )
    found = [finding(**words, fingerprint=f"{n:032x}") for n in range(200)]
    failed = tuple(Skipped(long, long) for _ in range(200))
    payload = pull_request_review(review(*found, failed=failed), visible, commit=COMMIT)
    assert len(payload["body"]) <= 65_000
    assert all(len(comment["body"]) <= 65_000 for comment in payload["comments"])
    assert re.search(r"- and \d+ more, in the run's own report", payload["body"])


def test_confirmed_code_for_exactly_the_lines_is_a_suggestion(review, finding):
    (comment,) = pull_request_review(review(finding(suggestion=f"{CODE}\n")), ALL, commit=COMMIT)["comments"]
    assert f"\n\n```suggestion\n{CODE}\n```\n\n" in comment["body"]


@pytest.mark.parametrize(
    ("changes", "visible"),
    [
        ({"verified": Verified.UNSURE}, ALL),
        ({"verified": Verified.UNVERIFIED}, ALL),
        ({}, {"src/a.py": [(1, 12)]}),
        ({"suggestion": "x = 1  # \u202e"}, ALL),
        ({"suggestion": "x = 1\r\n\x1b[31m"}, ALL),
        ({"suggestion": " \n"}, ALL),
        ({"suggestion": "x = 1\n" * 9_999}, ALL),
    ],
)
def test_anything_less_is_no_suggestion(review, finding, changes, visible):
    found = finding(**{"suggestion": CODE, **changes})
    (comment,) = pull_request_review(review(found), visible, commit=COMMIT)["comments"]
    assert "suggestion" not in comment["body"]


def test_a_fence_within_a_suggestion_does_not_end_it(review, finding):
    code = '"""\n```\nexample\n```\n"""'
    (comment,) = pull_request_review(review(finding(suggestion=code)), ALL, commit=COMMIT)["comments"]
    assert f"````suggestion\n{code}\n````" in comment["body"]


def test_the_body_says_what_was_left_out_and_what_it_cost(review, finding):
    findings = [
        finding(),
        finding(fingerprint="a" * 32, suppression="on purpose"),
        finding(fingerprint="b" * 32, known=True),
        finding(fingerprint="c" * 32, confidence=0.1),
    ]
    told = review(*findings, refuted=4, voided=2, skipped=(Skipped("x.min.js", "generated"),))
    body = pull_request_review(told, ALL, commit=COMMIT)["body"]
    assert body.startswith("<!-- agentflow:review -->\n")
    assert f"### agentflow reviewed {COMMIT[:12]}" in body
    counts = "2 files read, 1 skipped, 4 refuted, 2 void, 1 below the confidence asked for, 1 known before"
    assert f"<sub>{counts}, 1 ignored in the code. $0.0123 + 1 unpriced, run `{told.run.id}`</sub>" in body


def test_a_comment_carries_the_identity_of_its_finding(review, finding):
    (comment,) = pull_request_review(review(finding(identity="2/1/15//71fa")), ALL, commit=COMMIT)["comments"]
    assert comment["body"].startswith(f"<!-- agentflow:finding:{'f' * 32} 2/1/15//71fa -->\n")


def test_a_partial_review_says_so_and_names_the_files(review):
    failed = tuple(Skipped(f"src/{n}.py", "malformed *answer*") for n in range(12))
    body = pull_request_review(review(failed=failed), ALL, commit=COMMIT)["body"]
    assert "**This review is partial**: 12 files could not be read." in body
    assert "- `src/0.py`: malformed \\*answer\\*" in body
    assert "- and 2 more" in body


def test_a_review_without_findings_says_so(review):
    payload = pull_request_review(review(), ALL, commit=COMMIT)
    assert "\n\n**✓ nothing at or above high**\n\n<sub>" in payload["body"]
    assert payload["comments"] == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": RunStatus.STOPPED, "reason": "the budget is used up"}, "stopped: the budget is used up"),
        ({"status": RunStatus.FAILED, "reason": "no *reviewer* answered"}, "failed: no \\*reviewer\\* answered"),
    ],
)
def test_a_review_that_broke_off_is_not_taken_for_a_clean_one(review, changes, told):
    body = pull_request_review(review(**changes), ALL, commit=COMMIT)["body"]
    assert told in body


def test_two_findings_with_one_fingerprint_are_told_once(review, finding):
    payload = pull_request_review(review(finding(), finding(message="again")), ALL, commit=COMMIT)
    assert len(payload["comments"]) == 1
    assert "1 finding: 1 high." in payload["body"]


@pytest.mark.parametrize("listed", [True, False])
def test_hostile_words_do_nothing_but_stand_there(hostile_review, evil, listed, steers):
    payload = pull_request_review(hostile_review, {} if listed else {evil: [(1, 99)]}, commit=COMMIT)
    assert len(payload["comments"]) == (0 if listed else 1)
    for text in (payload["body"], *(comment["body"] for comment in payload["comments"])):
        assert not steers(text)
        assert not re.search(r"^## ", text, re.MULTILINE)
        assert _html(text) <= {"sub", "/sub"}
        assert text.count("<!--") == len(re.findall(r"^<!-- agentflow:[a-z]+[ :a-f0-9]* -->$", text, re.MULTILINE))


def _html(markdown: str) -> set[str]:
    """The tags that GitHub would see, and links and pictures as if they were some."""
    inline = [child for token in MarkdownIt("commonmark").parse(markdown) for child in token.children or ()]
    tags = {child.content.strip("<>").split()[0] for child in inline if child.type == "html_inline"}
    return tags | {child.type for child in inline if child.type in {"image", "link_open"}}
