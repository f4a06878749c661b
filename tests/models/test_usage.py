"""Usage that is missing is unknown, never zero; a budget then counts our own estimate."""

from __future__ import annotations

import pytest

from agentflow.domain.calls import Tokens
from agentflow.models.prices import price
from agentflow.models.usage import is_told, request_of, tokens_of

MODEL = "claude-haiku-5-5"


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 0, "output_tokens": 0},
        {"input_tokens": None, "output_tokens": None},
        {"input_tokens": 0, "output_tokens": 7},
        {"input_tokens": 10, "output_tokens": 0},
        {"input_tokens": 10},
        {"input_tokens": "ten", "output_tokens": 7},
        {"input_tokens": 10, "output_tokens": -7},
        {"input_tokens": [10], "output_tokens": {"n": 7}},
        {"cache_read_input_tokens": "x", "output_tokens": 7},
    ],
    ids=str,
)
def test_a_usage_that_cannot_be_is_unknown_and_counts_by_our_estimate(usage):
    request = request_of(MODEL, usage, price, sent=40_000, said=400)
    assert request.cost_usd is None
    assert request.counted_usd == request.estimate_usd == price(MODEL, Tokens(input=10_000, output=100)) > 0


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 10, "output_tokens": 7},
        {"input_tokens": "10", "output_tokens": "7"},
        {"input_tokens": 0, "cache_read_input_tokens": 10, "output_tokens": 7},
        {"input_tokens": None, "cache_creation_input_tokens": 10, "output_tokens": 7, "cache_creation": []},
    ],
    ids=str,
)
def test_a_usage_that_can_be_is_priced_as_it_is(usage):
    request = request_of(MODEL, usage, price, sent=40_000, said=400)
    assert request.estimate_usd is None
    assert request.counted_usd == request.cost_usd == price(MODEL, tokens_of(usage)) > 0


def test_an_answer_that_broke_off_before_its_first_word_took_no_output():
    assert is_told({"input_tokens": 10, "output_tokens": 0}, says_something=False)


def test_a_model_without_a_price_has_no_estimate_either():
    request = request_of("mystery-model-1", {}, price, sent=400, said=40)
    assert (request.cost_usd, request.estimate_usd, request.counted_usd) == (None, None, 0.0)
