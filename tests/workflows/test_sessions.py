"""The desk without a model: a runner that fails as it is told."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.tiers import Tier
from agentflow.errors import UpstreamError
from agentflow.models.session import Failure, SessionRequest, SessionResult
from agentflow.workflows.budget import Budget
from agentflow.workflows.sessions import SessionDesk


class Flaky:
    """A runner whose first `faults` sessions break off."""

    def __init__(self, faults: int) -> None:
        self.faults = faults
        self.sessions = 0

    async def run(self, request, observe):
        self.sessions += 1
        if self.sessions <= self.faults:
            return result(failure=Failure(FailureKind.TRANSPORT, Outcome.TRANSPORT, "HTTP 529"))
        return result(output={})


def result(output=None, failure=None):
    return SessionResult(output, failure, None, (), None, None, 0.0)


@pytest.fixture
def ask(ledger, tmp_path):
    """Asks a flaky runner through a desk."""
    limits = Limits(max_turns=1, budget_usd=1.0, timeout_s=60.0)
    agent = Agent("reviewer", "Reads.", Role.REVIEWER, Tier.HAIKU, (Tier.HAIKU,), (), "Review.", limits)
    label = Label("run-1", "pack-1", "reviewer", Tier.HAIKU, 1)
    request = SessionRequest(label, CallKind.REVIEW, agent, "m", "Go.", {}, tmp_path, tmp_path)

    def play(runner, pauses):
        desk = SessionDesk(ledger, Budget(None, 0.0), lambda _: ("flaky", runner), lambda _: None)
        return asyncio.run(desk.run(request, "review", pauses))

    return play


def test_a_broken_session_is_tried_until_held_after_each_pause(ask):
    runner = Flaky(faults=2)
    assert ask(runner, (0.0, 0.0)).output == {}
    assert runner.sessions == 3


@pytest.mark.parametrize(("pauses", "sessions"), [((), 1), ((0.0,), 2)])
def test_when_the_pauses_are_used_up_the_session_is_given_up(ask, pauses, sessions):
    runner = Flaky(faults=9)
    with pytest.raises(UpstreamError, match="529"):
        ask(runner, pauses)
    assert runner.sessions == sessions
