"""`agentflow review` end to end: the real command against a scripted Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.cli

DIVIDE = "def mean(values):\n    return sum(values) / len(values)\n"
PARSE = "import os\n\n\ndef run(name):\n    os.system('ls ' + name)\n"


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "rule": "division-by-zero",
        "title": "An empty list divides by zero",
        "message": "mean([]) divides by len([]), which is 0.",
        "file": "src/mean.py",
        "line": 2,
        "end_line": None,
        "severity": "high",
        "category": "bug",
        "confidence": 0.9,
        "evidence": "return sum(values) / len(values)",
        "suggestion": None,
        "elsewhere": False,
        **changes,
    }


INJECTION = finding(
    rule="command-injection",
    title="A name is run by the shell",
    message="run('; rm -rf /') runs it.",
    file="src/run.py",
    line=5,
    severity="critical",
    category="security",
    evidence="os.system('ls ' + name)",
)


def answers(agent: str, answer: dict[str, Any], times: int | str = 1, **when: Any) -> dict[str, Any]:
    return {"when": {"agent": agent, **when}, "times": times, "turns": [{"answer": answer}]}


def confirmed(*numbers: int) -> dict[str, Any]:
    return {
        "verdicts": [{"number": n, "verdict": "confirmed", "reason": "Line 2.", "confidence": 0.95} for n in numbers]
    }


@pytest.fixture
def scene(replay):
    return lambda *rules: replay(json.dumps({"name": "review", "rules": rules}))


def test_what_reviewers_find_is_grouped_checked_and_told(world, scene):
    root = world.repository({"src/mean.py": DIVIDE, "src/run.py": PARSE, "uv.lock": "x = 1\n"})
    server = scene(
        answers("reviewer", {"findings": [finding(), INJECTION]}),
        answers("synthesizer", {"groups": [{"members": [n], "severity": "high"} for n in (1, 2)], "findings": []}),
        answers(
            "verifier",
            {
                "verdicts": [
                    {"number": 1, "verdict": "confirmed", "reason": "Line 2.", "confidence": 0.95},
                    {"number": 2, "verdict": "refuted", "reason": "Line 5.", "confidence": 0.9},
                ]
            },
            tier="sonnet",
        ),
        answers("verifier", confirmed(2), tier="opus"),
    )
    ended = world.agentflow(root, "review", "src", "uv.lock", "--json", replay=server)
    assert (ended.code, server.unmatched) == (1, []), ended.err
    told = ended.json
    assert [f["title"] for f in told["findings"]] == ["An empty list divides by zero", "A name is run by the shell"]
