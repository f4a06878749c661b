from __future__ import annotations

import pytest

from agentflow.domain.calls import Tokens
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.routing.estimate import (
    LARGE_SESSION,
    REVIEW_OUTPUT,
    SMALL_SESSION,
    plan_range,
    review_range,
    session_range,
)


def price(model: str, tokens: Tokens) -> float | None:
    """A dollar a million tokens of any class; nobody knows the price of "mystery"."""
    return None if model == "mystery" else tokens.total / 1e6


def subtask(name: str) -> Subtask:
    return Subtask(name, name, "Do it.", Kind.FIX, Complexity.SIMPLE, "execute", (), ("**",), (), ())


def test_without_history_a_session_costs_between_a_small_and_a_large_one():
    assert session_range("known", (), price) == (SMALL_SESSION.total / 1e6, LARGE_SESSION.total / 1e6)


def test_a_model_without_a_price_has_no_range():
    assert session_range("mystery", (), price) is None


@pytest.mark.parametrize("model", ["known", "mystery"])
def test_five_known_costs_outweigh_the_assumption(model):
    assert session_range(model, [0.5, 0.1, 0.3, 0.2, 0.4], price) == (0.3, 0.5)


def test_four_costs_are_not_enough_to_go_by():
    assert session_range("known", [9.0] * 4, price) == session_range("known", (), price)


def test_a_subtask_costs_from_one_small_session_to_a_large_one_on_every_rung():
    plan = Plan("Do it.", (), (subtask("a"), subtask("b")))
    ladders = {"a": (Tier.HAIKU, Tier.SONNET), "b": (Tier.SONNET,)}
    sessions = {Tier.HAIKU: (0.25, 0.5), Tier.SONNET: (1.0, 2.0)}
    assert plan_range(plan, ladders, sessions) == {"a": (0.25, 2.5), "b": (1.0, 2.0)}


def test_a_tier_without_a_price_adds_nothing_to_the_range():
    plan = Plan("Do it.", (), (subtask("a"),))
    ladders = {"a": (Tier.LOCAL, Tier.SONNET)}
    assert plan_range(plan, ladders, {Tier.LOCAL: None, Tier.SONNET: (1.0, 2.0)}) == {"a": (0.0, 2.0)}


def test_a_review_costs_least_when_nothing_is_found_and_most_when_all_is_read_again():
    few, many = REVIEW_OUTPUT
    low, high = review_range([1000, 3000], 500, ("known", "known"), price)
    assert low * 1e6 == pytest.approx(1000 + 3000 + 2 * (500 + few))
    assert high * 1e6 == pytest.approx(2 * (1000 + 3000) + 2 * 500 + 8_000 + 5 * many)


def test_a_review_of_nothing_costs_nothing():
    assert review_range([], 500, ("known", "known"), price) == (0, 0)


@pytest.mark.parametrize("models", [("mystery", "known"), ("known", "mystery")])
def test_a_review_on_a_model_without_a_price_has_no_range(models):
    assert review_range([1000], 500, models, price) is None
