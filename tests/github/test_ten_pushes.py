"""One pull request over ten pushes, on a GitHub of our own: what stands there in the end is what a careful person left."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.fingerprints import former_fingerprints
from agentflow.review.identity import Read
from agentflow.review.source import Source
from agentflow.review.text import lines_of

pytestmark = [pytest.mark.usefixtures("stand_in"), pytest.mark.timeout(900), pytest.mark.long]
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")

SHOP = """\
def mean(values):
    return sum(values) / len(values)


def last(items):
    return items[len(items)]


def find(db, name):
    query = "SELECT * FROM users WHERE name = '" + name + "'"
    return db.execute(query)
"""
TYPED = SHOP.replace("def mean(values):", "def mean(values: list[float], digits: int = 2) -> float:")
MENDED_LAST = TYPED.replace("items[len(items)]", "items[-1]")
CLEAN = (
    MENDED_LAST.replace("/ len(values)", "/ max(len(values), 1)")
    .replace(""" '" + name + "'\"""", ' ?"')
    .replace("(query)", "(query, [name])")
)

ZERO = (
    "division-by-zero",
    "high",
    "bug",
    "sum(values) / len",
    "An empty list divides by zero",
    "mean([]) divides by 0.",
)
ZERO_AGAIN = (
    "zero-division",
    "high",
    "api",
    "sum(values) / len",
    "ZeroDivisionError",
    "len(values) is 0 for no values.",
)
PAST = ("off-by-one", "high", "bug", "items[len", "Reads past the end", "items[len(items)] raises IndexError.")
QUERY = ("sql-injection", "medium", "security", "SELECT", "SQL injection", "name is put into the query unescaped.")
QUERY_AGAIN = ("unsafe-query", "medium", "bug", "SELECT", "Query is concatenated", "A quote in name ends the literal.")
ROUNDED = (
    "float-precision",
    "critical",
    "bug",
    "sum(values) / len",
    "Cents are lost",
    "Sums of floats lose precision.",
)


def finding(text: str, said: tuple[str, ...]) -> dict[str, Any]:
    rule, severity, category, at, title, message = said
    line = next(n for n, one in enumerate(text.splitlines(), start=1) if at in one)
    told = {"rule": rule, "severity": severity, "category": category, "title": title, "message": message}
    where = {"file": "shop.py", "line": line, "end_line": None, "evidence": text.splitlines()[line - 1]}
    return {**told, **where, "confidence": 0.9, "suggestion": None, "elsewhere": False}


class PullRequest:
    """Pushes to it are reviewed by the real command with the answers that are given."""

    def __init__(self, world: Any, github: Any, replay: Callable[[str], Any]) -> None:
        self.world, self.github, self.replay = world, github, replay
        self.origin = world.repository({"app.py": "print()\n"}, "cat.git")
        github.base = world.git(self.origin, "rev-parse", "HEAD")
        self.clone = world.folder / "clone"
        world.git(world.folder, "clone", "-q", str(self.origin), str(self.clone))
        world.git(self.clone, "remote", "set-url", "origin", "http://github.localhost/octo/cat.git")
        world.git(self.clone, "config", f"url.{world.folder}/.insteadOf", "http://github.localhost/octo/")

    def push(self, text: str, *said: tuple[str, ...], refuted: tuple[int, ...] = (), answers: bool = True) -> None:
        (self.origin / "shop.py").write_text(text, encoding="utf-8")
        self.world.git(self.origin, "add", "-A")
        self.world.git(self.origin, *WHO, "commit", "-qm", "Change")
        self.github.head = self.world.git(self.origin, "rev-parse", "HEAD")
        self.github.hunks = {"shop.py": [(1, len(text.splitlines()))]}
        self.world.git(self.origin, "update-ref", "refs/pull/7/head", self.github.head)
        self.world.git(self.origin, "reset", "-q", "--hard", self.github.base)
        found = {"findings": [finding(text, one) for one in said]} if answers else {"nothing": 1}
        self._review(found, len(said), refuted)

    def _review(self, found: Mapping[str, Any], number: int, refuted: tuple[int, ...]) -> None:
        verdicts = [
            {
                "number": n,
                "verdict": "refuted" if n in refuted else "confirmed",
                "reason": "Seen.",
                "confidence": 0.95,
                "quote": found["findings"][n - 1]["evidence"] if n in refuted else None,
            }
            for n in range(1, number + 1)
        ]
        said = {"reviewer": found, "synthesizer": {"groups": [], "findings": []}, "verifier": {"verdicts": verdicts}}
        rules = [{"when": {"agent": agent}, "times": "*", "turns": [{"answer": a}]} for agent, a in said.items()]
        server = self.replay(json.dumps({"name": "test", "rules": rules}))
        env = {name: os.environ[name] for name in ("GH_HOST", "GH_TOKEN", "GH_CONFIG_DIR", "http_proxy", "PATH")}
        place = {"GH_REPO": "github.localhost/octo/cat", "no_proxy": "127.0.0.1"}
        ended = self.world.agentflow(self.clone, "review", "--pr", "7", "--json", replay=server, **env, **place)
        assert "posted: " in ended.err, ended.err

    @property
    def threads(self) -> list[str]:
        """The titles of all comments, in the order in which they were posted."""
        return [re.search(r"\*\*\w+: (.*)\*\*", comment["body"])[1] for comment in self.github.comments]

    @property
    def fates(self) -> dict[str, list[str]]:
        """What the review says of earlier comments, with their titles."""
        titles = {c["html_url"]: title for c, title in zip(self.github.comments, self.threads, strict=True)}
        told = re.findall(r"^\*\*([^*]+)\*\*: (\[1\].*)$", self.github.reviews[0]["body"], re.MULTILINE)
        return {fate: [titles[url] for url in re.findall(r"\]\((.*?)\)", links)] for fate, links in told}


@pytest.fixture
def pull(world: Any, github: Any, replay: Callable[[str], Any]) -> PullRequest:
    return PullRequest(world, github, replay)


def test_ten_pushes_leave_the_threads_that_a_careful_person_would(pull: PullRequest) -> None:
    first = ["An empty list divides by zero", "Reads past the end", "SQL injection"]
    pull.push(SHOP, ZERO, PAST, QUERY)
    assert (pull.threads, pull.fates) == (first, {})

    pull.push("# Shop.\nimport math\n\n\n" + TYPED, ZERO_AGAIN, PAST, QUERY_AGAIN)
    assert (pull.threads, pull.fates) == (first, {})

    pull.push("# Two.\n" + MENDED_LAST, ZERO, QUERY)
    assert (pull.threads, pull.fates) == (first, {"Resolved since": ["Reads past the end"]})

    pull.push("# Three.\n" + MENDED_LAST, ZERO, ROUNDED, QUERY)
    threads = [*first, "Cents are lost"]
    assert (pull.threads, pull.fates) == (threads, {"Resolved since": ["Reads past the end"]})

    pull.push("# Four.\n" + MENDED_LAST, ZERO, ROUNDED)
    missed = "Not found this time, though its lines are still there"
    assert pull.threads == threads
    assert pull.fates == {"Resolved since": ["Reads past the end"], missed: ["SQL injection"]}

    pull.push("# Five.\n" + MENDED_LAST, ROUNDED, ZERO_AGAIN, QUERY_AGAIN)
    assert (pull.threads, pull.fates) == (threads, {"Resolved since": ["Reads past the end"]})

    pull.push("# Six.\n" + MENDED_LAST, ZERO, ROUNDED, QUERY, refuted=(3,))
    withdrawn = "Withdrawn, since reading the code again refuted it"
    assert pull.threads == threads
    assert pull.fates == {"Resolved since": ["Reads past the end"], withdrawn: ["SQL injection"]}

    pull.push("# Seven.\n" + TYPED, ZERO, ROUNDED, PAST, QUERY)
    assert (pull.threads, pull.fates) == (threads, {"Found again": ["Reads past the end"]})

    pull.push("# Eight.\n" + TYPED, answers=False)
    assert (pull.threads, pull.fates) == (threads, {"Not found this time, but the review is partial": threads})

    pull.push("# Nine.\n" + CLEAN)
    assert (pull.threads, pull.fates) == (threads, {"Resolved since": threads})
    assert len([body for body in pull.github.reviews if body["body"].startswith("<!-- agentflow:review -->")]) == 1


def test_comments_of_an_earlier_version_are_known_by_their_fingerprint_and_their_words(pull: PullRequest) -> None:
    said = Finding(**{**finding(SHOP, ZERO), "severity": Severity.HIGH, "category": Category.BUG})
    former = min(former_fingerprints(said, Read(Source("shop.py", lines_of(SHOP)))))
    body = (
        f"<!-- agentflow:finding:{former} -->\n**high: An empty list divides by zero**\n\nmean(\\[\\]) divides by 0.\n\n"
        "<sub>bug, `division-by-zero`, confidence 0.90, confirmed</sub>"
    )
    pull.github.say(body, "ada", path="shop.py", line=2)
    pull.push("# Shop.\n" + SHOP, ZERO_AGAIN, ROUNDED)
    assert pull.threads == ["An empty list divides by zero", "Cents are lost"]
    assert pull.fates == {}
