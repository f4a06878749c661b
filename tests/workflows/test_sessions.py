"""The desk without a model: a runner that fails as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.domain.calls import CallKind, Label, Request, Tokens
from agentflow.domain.tiers import Tier
from agentflow.errors import LimitReached, UpstreamError
from agentflow.models.failures import lost
from agentflow.models.session import Failure, RequestFinished, SessionRequest, SessionResult
from agentflow.store.calls import cost_of
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

    def play(runner, pauses, budget=None, **changes):
        desk = SessionDesk(ledger, budget or Budget(None, 0.0), lambda _: ("flaky", runner), lambda _: None)
        return asyncio.run(desk.run(replace(request, **changes), "review", pauses))

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


class Forgetful:
    """A runner that finds no session to resume."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, str]] = []

    async def run(self, request, observe):
        self.asked.append((request.resume, request.prompt))
        return result(failure=lost("No conversation found")) if request.resume else result(output={})


@pytest.mark.parametrize(("afresh", "told"), [("All from the start.", "All from the start."), ("", "Go.")])
def test_a_session_that_is_gone_is_begun_afresh_at_once(ask, afresh, told):
    runner = Forgetful()
    assert ask(runner, (), resume="s-1", afresh=afresh).output == {}
    assert runner.asked == [("s-1", "Go."), (None, told)]


class Silent:
    """A runner whose gateway tells no usage; `usd` is our estimate of a session."""

    def __init__(self, usd: float) -> None:
        self.usd = usd

    async def run(self, request, observe):
        observe(RequestFinished(Request("m", Tokens(), None, self.usd)))
        return result(output={})


def test_a_budget_counts_what_no_usage_tells_by_our_estimate(ask, ledger):
    budget = Budget(1.0, 0.0)
    ask(Silent(0.6), (), budget=budget)
    ask(Silent(0.6), (), budget=budget)
    with pytest.raises(LimitReached, match="budget"):
        ask(Silent(0.6), (), budget=budget)
    assert ledger.run_estimate("run-1") == pytest.approx(1.2)
    cost = cost_of(ledger.calls("run-1"))
    assert (cost.usd, cost.unpriced_calls) == (0.0, 2)
