from __future__ import annotations

import asyncio
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_, UpstreamError, UsageError
from agentflow.github.pull_requests import pull_request


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run(["git", "remote", "add", "origin", "http://github.localhost/octo/cat.git"], cwd=root, check=True)
    return root


@pytest.mark.usefixtures("gh_on_path")
def test_a_pull_request_is_its_commits_and_its_place(github, checkout, pr):
    assert asyncio.run(pull_request(checkout, 7)) == pr


@pytest.mark.usefixtures("gh_on_path")
def test_what_people_wrote_into_it_is_not_read(github, checkout):
    assert "token" in str(github._pull())
    found = str(asdict(asyncio.run(pull_request(checkout, 7))))
    assert not any(word in found for word in ("Ignore", "token", "mallory"))


@pytest.mark.usefixtures("gh_on_path")
def test_a_number_without_a_pull_request_is_a_usage_error_in_githubs_words(github, checkout):
    with pytest.raises(UsageError, match="Could not resolve to a PullRequest with the number of 8"):
        asyncio.run(pull_request(checkout, 8))


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_would_read_as_an_option_never_reaches_gh(checkout, fake_gh, number):
    fake_gh("touch started")
    with pytest.raises(UsageError, match="no pull request's number"):
        asyncio.run(pull_request(checkout, number))
    assert not (checkout / "started").exists()


def test_a_checkout_gh_can_make_nothing_of_is_told_in_its_words(checkout, fake_gh):
    fake_gh("echo 'none of the git remotes point to a known GitHub host' >&2; exit 1")
    with pytest.raises(EnvironmentError_, match="none of the git remotes point to a known GitHub host"):
        asyncio.run(pull_request(checkout, 7))


@pytest.mark.parametrize(
    "answer",
    [
        "not json",
        "[]",
        '{"url": 7}',
        '{"url": "https://-x/o/r/pull/7"}',
        '{"url": "https://h/o/r/pull/7/../8"}',
        '{"url": "https://h/../r/pull/7?x"}',
    ],
)
def test_an_address_that_is_none_is_not_used(checkout, fake_gh, answer):
    fake_gh(f"cat <<'END'\n{answer}\nEND")
    with pytest.raises(UpstreamError):
        asyncio.run(pull_request(checkout, 7))


@pytest.mark.usefixtures("gh_on_path")
def test_a_commit_that_is_no_commit_is_not_handed_to_git(github, checkout):
    github.head = "--upload-pack=touch x"
    with pytest.raises(UpstreamError, match=r"head\.sha"):
        asyncio.run(pull_request(checkout, 7))


def test_its_commits_are_fetched_from_the_repository_it_is_for(pr):
    there = replace(pr, url="https://example.org/octo/cat/pull/7")
    assert there.git_url == "https://example.org/octo/cat.git"
    assert there.fetched == {"base": pr.base_oid, "head": "refs/pull/7/head"}
