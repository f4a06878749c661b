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

    def push(self, text: str, *said: tuple[str, ...], refuted: tuple[int, ...] = (), answers: bool = True) -> Any:
        self.commit({"shop.py": text})
        found = {"findings": [finding(text, one) for one in said]} if answers else {"nothing": 1}
        return self._review(found, len(said), refuted)

    def commit(self, files: Mapping[str, str]) -> None:
        """The head of the pull request adds these files to its base."""
        for name, text in files.items():
            (self.origin / name).write_text(text, encoding="utf-8")
        self.world.git(self.origin, "add", "-A")
        self.world.git(self.origin, *WHO, "commit", "-qm", "Change")
        self.github.head = self.world.git(self.origin, "rev-parse", "HEAD")
        self.github.hunks = {name: [(1, len(text.splitlines()))] for name, text in files.items()}
        self.world.git(self.origin, "update-ref", "refs/pull/7/head", self.github.head)
        self.world.git(self.origin, "reset", "-q", "--hard", self.github.base)

    def _review(self, found: Mapping[str, Any], number: int, refuted: tuple[int, ...]) -> Any:
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
        return self.review(self.replay(json.dumps({"name": "test", "rules": rules})))

    def review(self, server: Any) -> Any:
        env = {name: os.environ[name] for name in ("GH_HOST", "GH_TOKEN", "GH_CONFIG_DIR", "http_proxy", "PATH")}
        place = {"GH_REPO": "github.localhost/octo/cat", "no_proxy": "127.0.0.1"}
        ended = self.world.agentflow(self.clone, "review", "--pr", "7", "--json", replay=server, **env, **place)
        assert "posted: " in ended.err, ended.err
        return ended

    @property
    def threads(self) -> list[str]:
        """The titles of all comments on findings, in the order in which they were posted."""
        begun = [comment["body"] for comment in self.github.comments if comment["reply_to"] is None]
        return [re.search(r"\*\*\w+: (.*)\*\*", body)[1] for body in begun]

    @property
    def resolved(self) -> list[str]:
        """The titles of the comments whose threads are resolved."""
        return [title for n, title in enumerate(self.threads, start=1) if self.github.is_resolved(n)]

    @property
    def fates(self) -> dict[str, list[str]]:
        """What the review says of earlier comments, with their titles."""
        begun = (comment["html_url"] for comment in self.github.comments if comment["reply_to"] is None)
        titles = dict(zip(begun, self.threads, strict=True))
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
    assert pull.resolved == ["Reads past the end"]

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
    assert pull.resolved == []

    pull.push("# Eight.\n" + TYPED, answers=False)
    assert (pull.threads, pull.fates) == (threads, {"Not found this time, but the review is partial": threads})

    pull.push("# Nine.\n" + CLEAN)
    assert (pull.threads, pull.fates) == (threads, {"Resolved since": threads})
    assert pull.resolved == threads
    assert len(pull.github.settled) == 6
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


def test_a_person_who_may_write_accepts_a_finding_and_a_stranger_does_not(pull: PullRequest) -> None:
    zero, past = "An empty list divides by zero", "Reads past the end"
    assert pull.push(SHOP, ZERO, PAST).code == 1
    pull.github.resolve(1, "bob")
    pull.github.resolve(2, "mallory")
    pull.github.say("I like it so.", "mallory", reply_to=2)
    told = pull.push("# Two.\n" + TYPED, ZERO_AGAIN, PAST)
    assert [one["title"] for one in told.json["accepted"]] == ["ZeroDivisionError"]
    assert told.json["accepted"][0]["answer"]["by"] == "bob"
    assert [(one["title"], one["answer"]["accepted"]) for one in told.json["findings"]] == [(past, False)]
    assert (told.code, pull.github.settled, len(pull.github.comments)) == (1, [], 3)
    assert "Answered by a person" in pull.github.reviews[0]["body"]

    pull.github.resolve(2, "bob")
    told = pull.push("# Three.\n" + TYPED, ZERO, PAST)
    assert (told.code, told.json["findings"], len(told.json["accepted"])) == (0, [], 2)

    assert pull.push("# Four.\n" + CLEAN).code == 0
    told = pull.push("# Five.\n" + TYPED, ZERO)
    assert (told.code, told.json["accepted"]) == (1, [])
    assert (pull.github.is_resolved(1), pull.github.is_resolved(2)) == (False, True)
    assert pull.fates == {"Found again": [zero], "Resolved since": [past]}


MEAN = "def mean(values):\n    return sum(values) / len(values)\n"
LONG = "".join(f"# Line {n} says nothing, at some length, so that the file is long.\n" for n in range(3, 42))


def test_a_next_push_pays_only_for_the_packs_it_touches(pull: PullRequest, world: Any) -> None:
    config = {".agentflow/config.yaml": "review:\n  pack_tokens: 1000\n"}
    (pull.origin / ".agentflow").mkdir()
    pull.commit(config)
    world.git(pull.origin, "reset", "-q", "--hard", pull.github.head)
    pull.github.base = pull.github.head
    found = {"findings": [{**finding(MEAN, ZERO), "file": "m2.py"}]}
    verdict = {"number": 1, "verdict": "confirmed", "reason": "Line 2.", "confidence": 0.95, "quote": None}
    answers = [
        {"when": {"agent": "reviewer", "subtask": "pack-2"}, "times": "*", "turns": [{"answer": found}]},
        {"when": {"agent": "reviewer"}, "times": "*", "turns": [{"answer": {"findings": []}}]},
        {"when": {"agent": "synthesizer"}, "times": "*", "turns": [{"answer": {"groups": [], "findings": []}}]},
        {"when": {"agent": "verifier"}, "times": "*", "turns": [{"answer": {"verdicts": [verdict]}}]},
    ]
    server = pull.replay(json.dumps({"name": "test", "rules": answers}))
    seen = 0

    def paid(files: Mapping[str, str]) -> list[str]:
        nonlocal seen
        pull.commit(files)
        ended = pull.review(server)
        assert (ended.code, len(ended.json["findings"])) == (1, 1)
        new, seen = server.requests[seen:], len(server.requests)
        return sorted(one.labels["subtask"] for one in new)

    files = {f"m{n}.py": MEAN + LONG for n in (1, 2, 3)}
    assert [name for name in paid(files) if name.startswith("pack")] == ["pack-1", "pack-2", "pack-3"]
    assert seen == 5
    pull.review(server)
    assert len(server.requests) == seen
    files["m1.py"] = files["m1.py"].replace("sum(values) /", "sum(map(float, values)) /")
    assert paid(files) == ["pack-1"]
    files["m4.py"] = MEAN + LONG
    assert paid(files) == ["pack-4", "synthesis-1"]
    assert len(pull.github.comments) == 1
