"""`agentflow review --pr 7` end to end: real git, the real command, a replayed model, a GitHub of our own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MEAN = "def mean(values):\n    return sum(values) / len(values)\n"
FINDING = {
    "rule": "division-by-zero",
    "title": "An empty list divides by zero",
    "message": "mean([]) divides by len([]), which is 0.",
    "file": "mean.py",
    "line": 2,
    "end_line": None,
    "severity": "high",
    "category": "bug",
    "confidence": 0.9,
    "evidence": "return sum(values) / len(values)",
    "suggestion": "    return sum(values) / len(values) if values else 0.0",
    "elsewhere": False,
}
ANSWERS = {
    "reviewer": {"findings": [FINDING]},
    "synthesizer": {"groups": [{"members": [1], "severity": "high"}], "findings": []},
    "verifier": {"verdicts": [{"number": 1, "verdict": "confirmed", "reason": "Line 2.", "confidence": 0.95}]},
}


@pytest.fixture
def clone(world: Any, github: Any) -> Path:
    """A checkout of `main`; the pull request adds `mean.py` in a repository that git finds under GitHub's address."""
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    origin = world.repository({"app.py": "print()\n"}, "cat.git")
    github.base = world.git(origin, "rev-parse", "HEAD")
    (origin / "mean.py").write_text(MEAN)
    world.git(origin, "add", "-A")
    world.git(origin, *identity, "commit", "-qm", "Add the mean")
    github.head, github.hunks = world.git(origin, "rev-parse", "HEAD"), {"mean.py": [(1, 2)]}
    world.git(origin, "update-ref", "refs/pull/7/head", github.head)
    world.git(origin, "reset", "-q", "--hard", github.base)
    root = world.folder / "clone"
    world.git(world.folder, "clone", "-q", str(origin), str(root))
    world.git(root, "remote", "set-url", "origin", "http://github.localhost/octo/cat.git")
    world.git(root, "config", f"url.{world.folder}/.insteadOf", "http://github.localhost/octo/")
    return root


@pytest.fixture
def review(world: Any, clone: Path, replay: Callable[[str], Any]) -> Callable[..., Any]:
    rules = [{"when": {"agent": agent}, "times": "*", "turns": [{"answer": a}]} for agent, a in ANSWERS.items()]
    server = replay(json.dumps({"name": "test", "rules": rules}))
    names = ("GH_HOST", "GH_TOKEN", "GH_CONFIG_DIR", "http_proxy", "PATH")

    def run(*args: str) -> Any:
        # Not by the remote: gh would see the address that git makes of it.
        place = {"GH_REPO": "github.localhost/octo/cat", "no_proxy": "127.0.0.1"}
        env = {name: os.environ[name] for name in names} | place
        ended = world.agentflow(clone, "review", "--pr", "7", "--json", *args, replay=server, **env)
        assert server.unmatched == [], ended.err
        return ended

    run.server = server
    return run


@pytest.mark.usefixtures("stand_in")
def test_a_pull_request_is_fetched_reviewed_shown_and_commented_on(review, github, clone, world):
    shown = review("--dry-run")
    assert github.writes == []
    paid = len(review.server.requests)
    posted = review()
    assert len(review.server.requests) == paid  # nothing changed: nothing is paid for again
    assert posted.code == 1, posted.err
    assert f"posted: {github.reviews[0]['html_url']}" in posted.err
    assert github.writes == ["POST"]
    (comment,) = github.comments
    assert (comment["path"], comment["line"]) == ("mean.py", 2)
    assert comment["body"] == shown.json["comments"][0]["body"]
    assert f"```suggestion\n{FINDING['suggestion']}\n```" in comment["body"]
    assert world.git(clone, "status", "--porcelain") == ""
    assert world.git(clone, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/main"


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("standing", "word"), [({"draft": True}, "a draft"), ({"state": "closed"}, "closed"), ({"merged": True}, "merged")]
)
def test_a_pull_request_that_nobody_waits_for_is_left_alone_with_a_word(review, github, standing, word):
    github.standing |= standing
    ended = review()
    assert ended.code == 0, ended.err
    assert f"pull request 7 is {word}: nothing is read or posted; --drafts reviews it" in ended.err
    assert (ended.json["findings"], len(review.server.requests), github.writes) == ([], 0, [])


@pytest.mark.usefixtures("stand_in")
def test_a_draft_is_reviewed_when_it_is_asked_for(review, github):
    github.standing["draft"] = True
    assert review("--drafts").code == 1
    assert github.writes == ["POST"]
