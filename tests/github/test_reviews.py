from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import EnvironmentError_, UpstreamError
from agentflow.github.earlier import Compared, Earlier, Fate
from agentflow.github.reviews import Compose, post_review

pytestmark = pytest.mark.usefixtures("gh_on_path")
HEAD = "b" * 40


def comment(fingerprint: str, line: int = 3, path: str = "app.py") -> dict[str, Any]:
    body = f"<!-- agentflow:finding:{fingerprint} -->\nIt is wrong."
    return {"path": path, "line": line, "side": "RIGHT", "body": body}


def on_file(fingerprint: str, path: str = "app.py") -> dict[str, Any]:
    body = f"<!-- agentflow:finding:{fingerprint} -->\nIt is wrong, elsewhere."
    return {"path": path, "subject_type": "file", "body": body}


def payload(*comments: dict[str, Any], said: str = "", listed: str = "", partial: bool = False) -> dict[str, Any]:
    marks = ["<!-- agentflow:review -->"]
    marks += ["<!-- partial -->"] if partial else []
    marks += [f"<!-- listed {listed} -->"] if listed else []
    body = "\n".join([*marks, "", said or f"{len(comments)} findings"])
    lines, files = ([one for one in comments if ("line" in one) is is_line] for is_line in (True, False))
    return {"commit_id": HEAD, "event": "COMMENT", "body": body, "comments": lines, "file_comments": files}


def composer(review: dict[str, Any]) -> Compose:
    """Findings whose lines are refused become comments on files; those that have no comment are named in the text."""

    def compose(off: frozenset[str], out: frozenset[str]) -> dict[str, Any]:
        lines = [one for one in review["comments"] if name(one) not in off]
        files = [*review["file_comments"], *(on_file(name(c), c["path"]) for c in review["comments"] if name(c) in off)]
        text = review["body"] + (f"\n<!-- text {' '.join(sorted(out))} -->" if out else "")
        return {**review, "body": text, "comments": lines, "file_comments": [c for c in files if name(c) not in out]}

    return compose


def name(comment: dict[str, Any]) -> str:
    return comment["body"].split(":")[2].split()[0]


def by_fingerprint(review: dict[str, Any]) -> Callable[[Sequence[Earlier]], Compared]:
    """A finding is one that is told when its word is the same; what else became of it the body says in marks."""
    told = {name(one) for one in (*review["comments"], *review["file_comments"])}
    present = told | set(re.findall(r"\bf\d+\b", review["body"]))
    gone = Fate.PARTIAL if "<!-- partial -->" in review["body"] else Fate.RESOLVED

    def compare(comments: Sequence[Earlier]) -> Compared:
        fates = tuple(Fate.PRESENT if one.fingerprint in present else gone for one in comments)
        return Compared(fates, frozenset(one.fingerprint for one in comments))

    return compare


@pytest.fixture
def post(github, pr, tmp_path: Path):
    def now(review, compare=None):
        posted = asyncio.run(post_review(tmp_path, pr, composer(review), compare or by_fingerprint(review)))
        now.refusal = posted.refusal
        return posted.url

    return now


def bodies(texts) -> list[str]:
    return [text["body"] for text in texts]


def test_a_first_review_is_one_request_with_all_its_comments(post, github):
    review = payload(comment("f1"), comment("f2", 45))
    url = post(review)
    assert github.writes == ["POST"]
    assert bodies(github.reviews) == [review["body"]]
    assert [(c["path"], c["line"]) for c in github.comments] == [("app.py", 3), ("app.py", 45)]
    assert url == github.reviews[0]["html_url"]


def test_the_same_review_again_sends_nothing(post, github):
    review = payload(comment("f1"), comment("f2"))
    first = post(review)
    assert post(review) == first
    assert github.writes == ["POST"]


def test_a_new_finding_is_one_new_comment_and_the_text_is_replaced_in_place(post, github):
    first = post(payload(comment("f1"), said="one"))
    assert post(payload(comment("f1"), comment("f2", 4), said="two")) == first
    assert github.writes == ["POST", "POST", "PUT"]
    assert github.reviews[0]["body"].endswith("two")
    assert github.reviews[1]["body"] == (
        f"<!-- agentflow:more -->\n1 new comment; [the whole review]({first}) is up to date."
    )
    assert [c["line"] for c in github.comments] == [3, 4]


def test_a_new_text_alone_is_replaced_in_place(post, github):
    post(payload(comment("f1"), said="costs $0.01"))
    post(payload(comment("f1"), said="costs $0.02"))
    assert github.writes == ["POST", "PUT"]
    assert github.reviews[0]["body"].endswith("costs $0.02")


def test_a_finding_that_is_gone_is_called_resolved_with_a_link(post, github):
    post(payload(comment("f1"), comment("f2", 4)))
    post(payload(comment("f2", 4)))
    assert f"**Resolved since**: [1]({github.comments[0]['html_url']})" in github.reviews[0]["body"]


def test_what_was_resolved_stays_so_though_its_place_is_not_read_again(post, github):
    post(payload(comment("f1")))
    post(payload())
    post(payload(said="later"), compare=lambda comments: Compared((Fate.UNREAD,), frozenset()))
    assert "**Resolved since**: [1](" in github.reviews[0]["body"]
    assert "Not read again" not in github.reviews[0]["body"]


def test_what_was_resolved_and_is_back_is_told(post, github):
    post(payload(comment("f1")))
    post(payload())
    post(payload(comment("f1")))
    assert "**Found again**: [1](" in github.reviews[0]["body"]
    assert len(github.comments) == 1


@pytest.mark.parametrize("fate", [Fate.UNREAD, Fate.THERE, Fate.PARTIAL, Fate.REFUTED])
def test_every_other_fate_is_told_in_its_own_words(post, github, fate):
    post(payload(comment("f1")))
    post(payload(), compare=lambda comments: Compared((fate,), frozenset()))
    assert f"**{fate}**: [1](" in github.reviews[0]["body"]
    assert "Resolved" not in github.reviews[0]["body"]


def test_a_finding_that_moved_into_the_text_is_not_called_resolved(post, github):
    post(payload(comment("f1"), comment("f2", 4)))
    post(payload(comment("f2", 4), listed="f0 f1 f9"))
    assert "Resolved" not in github.reviews[0]["body"]


def test_a_partial_review_calls_nothing_resolved(post, github):
    post(payload(comment("f1")))
    post(payload(partial=True))
    assert "Resolved" not in github.reviews[0]["body"]
    assert "**Not found this time, but the review is partial**: [1](" in github.reviews[0]["body"]


def test_many_resolved_findings_keep_the_text_short(post, github):
    post(payload(*(comment(f"f{n}") for n in range(50))))
    post(payload())
    assert " and 30 more\n" in github.reviews[0]["body"]
    assert len(github.reviews[0]["body"]) < 5_000


def test_a_pull_request_that_moved_on_is_refused_before_anything_is_sent(post, github):
    github.head = "c" * 40
    with pytest.raises(EnvironmentError_, match="moved to cccccccccccc since bbbbbbbbbbbb was reviewed") as told:
        post(payload(comment("f1")))
    assert told.value.hint == "agentflow review --pr 7"
    assert github.writes == []


@pytest.mark.parametrize("wrong", [comment("f2", 30), comment("f2", path="gone.py"), comment("f2", 61)])
@pytest.mark.parametrize("place", [0, 1, 5])
def test_one_refused_line_costs_no_other_comment(post, github, wrong, place):
    good = [comment(f"f{n}", n) for n in range(3, 10)]
    url = post(payload(*good[:place], wrong, *good[place:]))
    told = [name(one) for one in github.comments]
    assert sorted(told) == sorted([*(name(one) for one in good), *(["f2"] if wrong["path"] == "app.py" else [])])
    assert ("<!-- text f2 -->" in github.reviews[0]["body"]) is (wrong["path"] != "app.py")
    assert url == github.reviews[0]["html_url"]
    assert len(github.writes) <= 12


@pytest.mark.parametrize("count", [1, 2, 3, 10, 20])
def test_however_many_lines_are_refused_requests_are_few(post, github, count):
    github.closed_files = {"app.py"}
    review = payload(*(comment(f"f{n}", 30) for n in range(count)))
    post(review)
    assert (github.comments, len(github.reviews)) == ([], 1)
    assert len(github.writes) <= 3 * count + 2
    post(review)
    assert len(github.reviews) == 1


def test_refused_lines_of_a_later_review_leave_the_text_that_is_there(post, github):
    first = post(payload(comment("f1")))
    assert post(payload(comment("f1"), comment("f2", 30), comment("f3"))) == first
    assert [(name(one), one["line"]) for one in github.comments] == [("f1", 3), ("f3", 3), ("f2", None)]


def test_what_the_diff_does_not_show_is_a_comment_on_its_file_once(post, github):
    review = payload(comment("f1"), on_file("f2"), on_file("f3", "other.py"))
    post(review)
    assert [(name(one), one["path"], one["line"]) for one in github.comments] == [
        ("f1", "app.py", 3),
        ("f2", "app.py", None),
    ]
    assert "<!-- text f3 -->" in github.reviews[0]["body"]
    post(review)
    assert len(github.comments) == 2


def test_another_refusal_is_told_and_not_tried_again(post, github):
    github.fail("POST", 422, "Unprocessable Entity", "User can only have one pending review per pull request")
    with pytest.raises(EnvironmentError_, match="only have one pending review"):
        post(payload(comment("f1")))
    assert github.writes == ["POST"]


def test_a_request_whose_fate_is_unknown_is_not_repeated(post, github):
    github.fail("POST", 502, "Bad Gateway")
    with pytest.raises(UpstreamError, match="Bad Gateway"):
        post(payload(comment("f1")))
    assert github.writes == ["POST"]


def test_a_post_that_github_delays_arrives_once(post, github):
    github.fail("POST", 403, "You have exceeded a secondary rate limit", retry_after="1")
    post(payload(comment("f1")))
    assert github.writes == ["POST", "POST"]
    assert len(github.reviews) == len(github.comments) == 1


def test_an_update_that_failed_is_made_up_for_by_the_next_run(post, github):
    post(payload(comment("f1"), said="one"))
    github.fail("PUT", 502, "Bad Gateway")
    later = payload(comment("f1"), comment("f2"), said="two")
    with pytest.raises(UpstreamError):
        post(later)
    post(later)
    assert len(github.comments) == 2
    assert github.reviews[0]["body"].endswith("two")


@pytest.mark.parametrize("listed", [True, False])
def test_no_strangers_text_passes_for_ours(post, github, listed):
    github.listed = listed
    github.write("<!-- agentflow:review -->\nAll fine, says mallory.\n\n<!-- agentflow:resolved 1 -->", "mallory")
    github.say("<!-- agentflow:finding:f1 -->\nNothing to see.", "mallory", author_association="CONTRIBUTOR")
    post(payload(comment("f1")))
    assert github.writes == ["POST"]
    assert len(github.comments) == 2
    assert "mallory" in github.reviews[0]["body"]
    post(payload(comment("f2")))
    assert not github.is_resolved(1)


@pytest.mark.parametrize("login", ["bob", "github-actions[bot]"])
def test_comments_of_another_login_that_may_write_are_ours(post, github, login):
    github.login = login
    post(payload(comment("f1"), comment("f2", 4)))
    github.login = "ada"
    post(payload(comment("f1"), comment("f3", 5)))
    assert [name(one) for one in github.comments] == ["f1", "f2", "f3"]
    assert "**Resolved since**: [1](" in github.reviews[1]["body"]
    assert github.is_resolved(2)
    asked = [line for line in github.log if "collaborators" in line]
    assert len(asked) == (1 if login == "bob" else 0)


def test_crowds_of_strangers_cost_no_more_than_a_few_requests(post, github):
    for n in range(200):
        github.say(f"<!-- agentflow:finding:f{n} -->", f"mallory-{n}")
    post(payload(comment("f1")))
    assert len(github.log) <= 40


def test_who_belongs_to_the_house_counts_where_github_does_not_tell_permissions(post, github):
    github.listed = False
    github.say("<!-- agentflow:finding:f1 -->\nIt is wrong.", "bob", author_association="MEMBER")
    post(payload(comment("f1")))
    assert len(github.comments) == 1


def test_a_marker_within_a_text_is_no_marker(post, github):
    github.write("I quote: <!-- agentflow:review -->", "ada")
    github.say("I quote: <!-- agentflow:finding:f1 -->", "ada")
    post(payload(comment("f1")))
    assert github.writes == ["POST"]
    assert len(github.comments) == 2


def test_our_review_is_found_behind_hundreds_of_others(post, github):
    for n in range(150):
        github.write(f"review {n}", "bob")
        github.say(f"comment {n}", "bob")
    review = payload(comment("f1"))
    post(review)
    post(review)
    assert github.writes == ["POST"]


def test_a_deleted_users_texts_are_no_hindrance(post, github):
    github.write("old", "ghost")
    github.reviews[0]["user"] = None
    github.reviews[0]["body"] = None
    post(payload(comment("f1")))
    assert len(github.reviews) == 2
