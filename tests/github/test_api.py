from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentflow.errors import AgentflowError, EnvironmentError_, UpstreamError
from agentflow.github.api import Answer, Api

pytestmark = pytest.mark.usefixtures("gh_on_path")


@pytest.fixture
def api(github, tmp_path: Path) -> Api:
    return Api(tmp_path, "github.localhost")


PULL = "repos/octo/cat/pulls/7"


@pytest.mark.parametrize("count", [0, 99, 100, 230])
def test_every_page_of_a_list_is_read(api, github, count):
    for n in range(count):
        github.write(f"review {n}", "bob")
    found = asyncio.run(api.pages(f"{PULL}/reviews", dict))
    assert [review["body"] for review in found] == [f"review {n}" for n in range(count)]


def test_a_long_payload_arrives_whole(api, github):
    github.write("old", "ada")
    text = "é" * 60_000
    answer = asyncio.run(api.send("PUT", f"{PULL}/reviews/1", {"body": text}))
    assert answer.ok
    assert github.reviews[0]["body"] == text


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, EnvironmentError_, "gh auth login"),
        (403, EnvironmentError_, "lacks a permission"),
        (404, EnvironmentError_, "the login may see it"),
        (422, EnvironmentError_, None),
        (451, EnvironmentError_, None),
        (499, EnvironmentError_, None),
        (502, UpstreamError, "try again later"),
    ],
)
def test_a_refusal_is_told_in_githubs_words(api, github, status, kind, hint):
    github.fail("GET", status, "Because\x1b[31m I say so")
    with pytest.raises(kind) as told:
        asyncio.run(api.get(PULL, dict))
    assert told.value.message.startswith(f"GET {PULL}: GitHub says {status}: Because")
    assert "\x1b" not in told.value.message
    assert (hint or "") in (told.value.hint or "")


def test_the_reasons_of_a_refusal_are_told_too(api, github):
    reasons = ["Line could not be resolved", {"resource": "Review", "field": "body", "code": "too_long"}]
    github.fail("GET", 422, "Validation Failed", *reasons)
    with pytest.raises(EnvironmentError_, match="Validation Failed: Line could not be resolved: Review body too_long"):
        asyncio.run(api.get(PULL, dict))


def test_a_busy_github_is_asked_until_held_after_the_time_it_names(api, github):
    github.fail("GET", 403, "You have exceeded a secondary rate limit", retry_after="1")
    assert asyncio.run(api.get(PULL, dict))["number"] == 7
    assert len(github.log) == 2


def test_a_github_that_stays_busy_is_not_pressed(api, github):
    for _ in range(2):
        github.fail("GET", 429, "slow down", retry_after="0")
    with pytest.raises(UpstreamError, match="slow down"):
        asyncio.run(api.get(PULL, dict))
    assert len(github.log) == 2


def test_a_long_wait_is_left_to_the_user(api, github):
    github.fail("GET", 403, "secondary rate limit", retry_after="3600")
    with pytest.raises(UpstreamError) as told:
        asyncio.run(api.get(PULL, dict))
    assert told.value.hint == "try again in 3600 s"


def test_a_used_up_hour_is_no_missing_permission(api, github):
    github.fail("GET", 403, "API rate limit exceeded", x_ratelimit_remaining="0")
    with pytest.raises(UpstreamError) as told:
        asyncio.run(api.get(PULL, dict))
    assert "used up" in told.value.hint


def test_a_github_out_of_reach_is_named(api, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(UpstreamError, match=r"gh cannot reach github\.localhost: .*connect"):
        asyncio.run(api.get(PULL, dict))


def test_an_answer_of_another_form_is_no_crash(api):
    with pytest.raises(UpstreamError, match="GitHub answered strangely"):
        asyncio.run(api.get(PULL, list[int]))


@pytest.mark.parametrize("body", ["", "<html>", "[1]", '"x"', '{"errors": "why"}', '{"message": null}', "x" * 9999])
def test_whatever_a_refusal_holds_its_words_are_short(body):
    assert len(Answer("GET x", 400, body=body).said) <= 500


@pytest.mark.parametrize("named", ["-1", "soon", "1e9", "²", ""])
def test_a_time_to_wait_that_is_no_number_is_not_believed(named):
    assert Answer("GET x", 429, {"retry-after": named}).wait_s is None


def test_a_secondary_limit_without_a_time_means_a_minute():
    answer = Answer("POST x", 403, {}, '{"message": "You have exceeded a secondary rate limit."}')
    assert answer.wait_s == 60
    assert isinstance(answer.error(), AgentflowError)
