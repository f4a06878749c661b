"""Explorers without the CLI: a runner that answers at once shows what is asked, kept and refused."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.models.session import SessionResult
from agentflow.workflows.budget import Budget
from agentflow.workflows.exploring import Explorers
from agentflow.workflows.opening import new_run, open_run, open_workplace
from agentflow.workflows.sessions import SessionDesk


class Scout:
    """A runner that cites the same line for every question and counts how many ask at once."""

    def __init__(self) -> None:
        self.file, self.line = "README", 1
        self.asked: list[str] = []
        self.busy = self.most_busy = 0

    async def run(self, request, observe):
        self.asked.append(request.prompt)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        await asyncio.sleep(0)
        self.busy -= 1
        answer = {"answer": "So.", "citations": [{"file": self.file, "line": self.line}], "confidence": 0.9}
        return SessionResult(answer, None, "session", (), None, None, 0.0)


@pytest.fixture
def context(world, ledger, monkeypatch):
    for name in ("AGENTFLOW_CACHE_DIR", "AGENTFLOW_CONFIG_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "HOME"):
        monkeypatch.setenv(name, world.env[name])
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-key")
    monkeypatch.setenv("AGENTFLOW_TRUST", "1")
    root = world.repository({"README": "one\ntwo\n"})
    workplace = asyncio.run(open_workplace(root, {}))
    return asyncio.run(open_run(ledger, asyncio.run(new_run(workplace, ledger, "Explore"))))


@pytest.fixture
def scout(context, ledger):
    runner = Scout()
    context.desk = SessionDesk(ledger, Budget(None, 0.0), lambda _: ("scout", runner), lambda _: None)
    return runner


def ask(context, *calls):
    """What the tool says to each call, given as a list of questions, one call after the other."""

    async def one_by_one():
        explore = Explorers(context).tool(context.repository.root)
        return [await explore(questions) for questions in calls]

    return asyncio.run(one_by_one())


def questions(call, number=8):
    return [f"Question {call}.{n}?" for n in range(number)]


def test_eight_questions_of_a_call_are_answered_four_at_once(context, scout):
    (answer,) = ask(context, questions(1, 10))
    assert answer.count("So.\n(seen in README:1)") == 8
    assert (len(scout.asked), scout.most_busy) == (8, 4)


def test_a_run_asks_twenty_four_questions_and_no_more(context, scout):
    *_, answer = ask(context, questions(1), questions(2), questions(3, 7), ["The last one?", "One too many?"])
    assert len(scout.asked) == 24
    assert "## The last one?\nSo." in answer
    assert "## One too many?\nNot asked: the run's 24 questions are used up" in answer


def test_what_was_answered_before_is_answered_again_even_when_the_questions_are_used_up(context, scout):
    *_, answer = ask(context, questions(1), questions(2), questions(3), ["Question 1.0?"])
    assert "\n## Question 1.0?\nSo.\n(seen in README:1)\n" in answer
    assert len(scout.asked) == 24


@pytest.mark.parametrize(
    ("file", "line"), [("README", 3), ("gone", 1), ("../repo/README", 9), ("../plan.yaml", 1), (".", 1)]
)
def test_a_citation_that_does_not_exist_voids_the_answer_and_is_not_kept(context, scout, file, line):
    (context.repository.root.parent / "plan.yaml").write_text("outside\n")
    scout.file, scout.line = file, line
    for answer in ask(context, ["What?"], ["What?"]):
        assert f"No verified answer: it cited {file}:{line}, which does not exist" in answer
        assert "So." not in answer
    assert len(scout.asked) == 2


def test_an_answer_is_kept_while_the_files_it_cites_stay_the_same(context, scout):
    for content, asked in [("one\n", 1), ("one\n", 1), ("eins\n", 2), ("one\n", 3)]:
        (context.repository.root / "README").write_text(content)
        (answer,) = ask(context, ["What?"])
        assert "So." in answer
        assert len(scout.asked) == asked
