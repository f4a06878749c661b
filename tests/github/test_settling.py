"""Threads of findings that are gone, and of those that are back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentflow.github.earlier import Compared, Fate
from agentflow.github.reviews import post_review

pytestmark = pytest.mark.usefixtures("gh_on_path")


def found(*names: str, said: str = "said") -> dict[str, Any]:
    comments = [
        {"path": "app.py", "line": 3, "side": "RIGHT", "body": f"<!-- agentflow:finding:{name} -->\nIt is wrong."}
        for name in names
    ]
    body = f"<!-- agentflow:review -->\n{said}"
    return {"commit_id": "b" * 40, "event": "COMMENT", "body": body, "comments": comments, "file_comments": []}


@pytest.fixture
def push(github, pr, tmp_path: Path):
    """A review of one more push that has these findings; what it does not have has the fate that is given."""

    def now(*names: str, gone: Fate = Fate.RESOLVED, said: str = "said"):
        def compare(comments):
            fates = (Fate.PRESENT if one.fingerprint in names else gone for one in comments)
            return Compared(tuple(fates), frozenset(one.fingerprint for one in comments))

        return asyncio.run(post_review(tmp_path, pr, lambda off, out: found(*names, said=said), compare))

    return now


def test_a_thread_is_resolved_when_its_defect_is_gone_and_only_once(push, github):
    push("f1", "f2")
    push("f2")
    assert [github.is_resolved(n) for n in (1, 2)] == [True, False]
    done = len(github.log)
    push("f2")
    assert github.settled == ["resolveReviewThread"]
    assert all(line.startswith("GET") or "graphql" in line for line in github.log[done:])


@pytest.mark.parametrize("fate", [Fate.UNREAD, Fate.THERE, Fate.PARTIAL, Fate.REFUTED])
def test_no_thread_is_resolved_whose_defect_was_not_looked_for_and_missed(push, github, fate):
    push("f1")
    push(gone=fate)
    assert github.settled == []


def test_a_thread_whose_defect_is_back_is_opened_again(push, github):
    push("f1")
    push()
    push("f1")
    assert not github.is_resolved(1)
    assert "**Found again**: [1](" in github.reviews[0]["body"]
    push()
    assert github.is_resolved(1)
    assert len(github.comments) == 1


def test_what_a_person_closed_stays_closed_and_what_a_person_opened_stays_open(push, github):
    push("f1", "f2")
    github.resolve(1, "bob")
    push("f1")
    github.resolve(2, None)
    push("f1")
    assert [github.is_resolved(n) for n in (1, 2)] == [True, False]
    assert github.settled == ["resolveReviewThread"]


def test_a_thread_that_a_person_closed_since_it_is_mended_is_opened_when_the_defect_is_back(push, github):
    push("f1")
    github.resolve(1, "bob")
    push()
    push("f1")
    assert github.settled == ["unresolveReviewThread"]


def test_others_threads_are_left_alone(push, github):
    github.say("Why?", "bob")
    github.say("<!-- agentflow:finding:f9 -->\nMine.", "mallory")
    github.say("As agentflow says: <!-- agentflow:finding:f9 -->", "ada")
    push("f1")
    push()
    assert [github.is_resolved(n) for n in (1, 2, 3, 4)] == [False, False, False, True]


def test_a_token_that_may_not_resolve_is_told_once_and_all_else_is_done(push, github):
    push("f1", "f2", "f3")
    github.may_resolve = False
    posted = push("f4", said="later")
    assert "Resource not accessible by integration" in posted.refusal
    assert github.settled == ["resolveReviewThread"]
    assert len(github.comments) == 4
    assert "**Resolved since**: [1](" in github.reviews[0]["body"]
    github.may_resolve = True
    assert push("f4", said="later").refusal == ""
    assert [github.is_resolved(n) for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_what_is_back_and_may_not_be_opened_is_never_taken_for_accepted(push, github):
    push("f1")
    github.resolve(1, "bob")
    push()
    github.may_resolve = False
    for _ in range(2):
        push("f1")
        assert "**Found again**: [1](" in github.reviews[0]["body"]


@pytest.mark.parametrize("count", [50, 51, 130])
def test_every_thread_is_seen_however_many_there_are(push, github, count):
    for n in range(count):
        github.say(f"comment {n}", "bob")
    push("f1")
    push()
    assert github.is_resolved(count + 1)
    assert len(github.log) <= 8 + 2 * (count // 50 + 1)
