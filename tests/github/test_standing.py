"""What people say to findings, and whose words count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentflow.domain.findings import Answer, How
from agentflow.github.api import Api
from agentflow.github.standing import standing

pytestmark = pytest.mark.usefixtures("gh_on_path")
URL = "http://github.localhost/octo/cat/pull/7#comment-"


@pytest.fixture
def answer(github, pr, tmp_path: Path):
    """What is read of the answers to the one comment of ours."""
    github.login = "github-actions[bot]"
    github.write("<!-- agentflow:review -->", github.login)
    github.say("<!-- agentflow:finding:f1 -->\nIt is wrong.", github.login, review=1)

    def read() -> Answer | None:
        (comment,) = asyncio.run(standing(Api(tmp_path, pr.host), pr)).comments
        return comment.answer

    return read


def test_nobody_has_answered_yet(answer, github):
    assert answer() is None
    assert len(github.log) == 2


def test_who_may_write_accepts_by_resolving(answer, github):
    github.resolve(1, "bob")
    assert answer() == Answer(How.RESOLVED, "bob", f"{URL}1", accepted=True)


@pytest.mark.parametrize("association", ["NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR"])
@pytest.mark.parametrize("listed", [True, False])
def test_a_stranger_accepts_nothing(answer, github, association, listed):
    github.listed = listed
    github.say("This is fine.", "mallory", reply_to=1, author_association=association)
    assert answer() == Answer(How.REPLIED, "mallory", f"{URL}2", accepted=False)
    github.resolve(1, "mallory")
    assert answer() == Answer(How.RESOLVED, "mallory", f"{URL}1", accepted=False)


def test_a_member_who_may_only_read_accepts_nothing(answer, github):
    github.say("This is fine.", "carol", reply_to=1, author_association="MEMBER")
    github.resolve(1, "carol")
    assert answer() == Answer(How.RESOLVED, "carol", f"{URL}1", accepted=False)
    github.listed = False
    assert answer() == Answer(How.RESOLVED, "carol", f"{URL}1", accepted=True)


def test_a_reply_accepts_nothing_whoever_writes_it(answer, github):
    github.say("Good catch, I mend it.", "bob", reply_to=1, author_association="OWNER")
    assert answer() == Answer(How.REPLIED, "bob", f"{URL}2", accepted=False)


def test_a_hidden_comment_and_a_dismissed_review_are_accepted(answer, github):
    github.comments[0]["hidden"] = True
    assert answer() == Answer(How.DISMISSED, "", f"{URL}1", accepted=True)
    github.comments[0]["hidden"] = False
    github.reviews[0]["state"] = "DISMISSED"
    assert answer() == Answer(How.DISMISSED, "", f"{URL}1", accepted=True)


@pytest.mark.parametrize("login", ["github-actions[bot]", "renovate[bot]"])
def test_bots_are_no_persons(answer, github, login):
    github.say("Thanks!", login, reply_to=1)
    github.resolve(1, github.login)
    assert answer() is None


def test_our_own_words_under_a_persons_login_are_no_answer_but_that_persons_are(answer, github):
    github.login = "ada"
    github.say("<!-- agentflow:more -->\nAgain.", "ada", reply_to=1)
    assert answer() is None
    github.say("On purpose.", "ada", reply_to=1)
    assert answer() == Answer(How.REPLIED, "ada", f"{URL}3", accepted=False)
    github.resolve(1, "ada")
    assert answer() == Answer(How.RESOLVED, "ada", f"{URL}1", accepted=True)


@pytest.mark.parametrize("author", ["github-actions[bot]", "bob"])
def test_who_closes_what_was_called_resolved_accepts_no_defect(answer, github, author):
    github.reviews[0]["body"] += "\n\n<!-- agentflow:resolved 1 -->"
    github.reviews[0]["user"] = {"login": author}
    github.resolve(1, "bob")
    assert answer() is None


def test_what_a_stranger_calls_resolved_is_not(answer, github):
    github.write("<!-- agentflow:review -->\n\n<!-- agentflow:resolved 1 -->", "mallory")
    github.resolve(1, "bob")
    assert answer() == Answer(How.RESOLVED, "bob", f"{URL}1", accepted=True)


def test_a_user_who_is_gone_accepts_nothing(answer, github):
    github.say("Fine.", "ghost", reply_to=1)
    github.comments[1]["user"] = None
    assert answer() is None
