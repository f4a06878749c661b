"""Prices per request, against the list of November 2026."""

from __future__ import annotations

import pytest

from agentflow.domain.calls import Tokens
from agentflow.models.prices import ModelPrice, PriceTable, price
from agentflow.models.usage import tokens_of

MILLION = 1_000_000
#: USD per million tokens: input, output, cache read, cache write for 5 minutes, for an hour.
LIST = {
    "claude-sonnet-5-5": (2, 10, 0.1, 2.5, 4),
    "claude-opus-5-5": (4, 20, 0.2, 5, 8),
    "claude-fable-5-2": (8, 40, 0.2, 10, 16),
    "claude-sonnet-5": (2, 10, 0.2, 2.5, 4),
    "claude-opus-5": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-8": (5, 25, 0.5, 6.25, 10),
    "claude-sonnet-4-6": (3, 15, 0.3, 3.75, 6),
    "claude-haiku-4-5": (1, 5, 0.1, 1.25, 2),
}
CLASSES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


@pytest.mark.parametrize("model", LIST)
@pytest.mark.parametrize("kind", CLASSES)
def test_each_token_class_has_its_own_price(model, kind):
    assert price(model, Tokens(**{kind: MILLION})) == pytest.approx(LIST[model][CLASSES.index(kind)])


@pytest.mark.parametrize(("kind", "usd_per_million"), list(zip(CLASSES, (0.1, 0.5, 0.01, 0.125, 0.2), strict=True)))
def test_haiku_below_a_hundred_thousand_prompt_tokens(kind, usd_per_million):
    assert price("claude-haiku-5-5", Tokens(**{kind: 100_000})) == pytest.approx(usd_per_million / 10)


def test_haiku_costs_five_times_as_much_above_a_hundred_thousand_prompt_tokens():
    below, above = Tokens(input=50_000, output=1000), Tokens(input=20_000, cache_read=80_001, output=1000)
    assert price("claude-haiku-5-5", below) == pytest.approx(0.005 + 0.0005)
    assert price("claude-haiku-5-5", above) == pytest.approx(5 * (0.002 + 0.00080001 + 0.0005))


def test_two_requests_are_not_priced_as_their_sum():
    one = Tokens(input=60_000)
    assert price("claude-haiku-5-5", one + one) > 4 * 2 * price("claude-haiku-5-5", one)


def test_a_dated_model_name_has_the_price_of_its_model():
    assert price("claude-sonnet-5-5-20261001", Tokens(input=MILLION)) == pytest.approx(2)


@pytest.mark.parametrize("model", ["qwen2.5-coder:32b", "claude-nonsense-9", "", "gpt-4o"])
def test_an_unknown_model_has_no_price_rather_than_zero(model):
    assert price(model, Tokens(input=1, output=1)) is None


def test_a_users_own_price_goes_first():
    table = PriceTable({"qwen": ModelPrice(input=1, output=2), "claude-sonnet-5-5": ModelPrice(input=9, output=9)})
    assert table.price("qwen", Tokens(input=MILLION, output=MILLION)) == pytest.approx(3)
    assert table.price("claude-sonnet-5-5", Tokens(input=MILLION)) == pytest.approx(9)
    assert table.price("claude-opus-5-5", Tokens(input=MILLION)) == pytest.approx(4)


def test_no_tokens_of_a_known_model_cost_nothing():
    assert price("claude-sonnet-5-5", Tokens()) == 0


def test_usage_is_read_by_class():
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 10,
        "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4},
    }
    assert tokens_of(usage) == Tokens(1, 2, 3, 6, 4)


def test_cache_writes_without_a_lifetime_count_as_five_minute_ones():
    assert tokens_of({"input_tokens": 1, "cache_creation_input_tokens": 10, "cache_creation": None}) == Tokens(
        1, 0, 0, 10
    )
