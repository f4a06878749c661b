"""What a request costs: list prices from genai-prices, the user's own for other models. Offline only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentflow.domain.calls import Tokens


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A user's price for a model, in USD per million tokens of each class."""

    input: float
    output: float
    cache_read: float = 0.0
    cache_write_5m: float = 0.0
    cache_write_1h: float = 0.0

    def cost(self, tokens: Tokens) -> float:
        """USD for one request."""
        millionths = (
            self.input * tokens.input
            + self.output * tokens.output
            + self.cache_read * tokens.cache_read
            + self.cache_write_5m * tokens.cache_write_5m
            + self.cache_write_1h * tokens.cache_write_1h
        )
        return millionths / 1_000_000


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices, with the user's `overrides` by model name going first."""

    overrides: Mapping[str, ModelPrice] = field(default_factory=dict)

    def price(self, model: str, tokens: Tokens) -> float | None:
        """USD for ONE request; None when nobody knows the model's price.

        Never price a sum of requests: above 100k prompt tokens claude-haiku-5-5 costs five times as much, per request.
        """
        if own := self.overrides.get(model):
            return own.cost(tokens)
        return price(model, tokens)


def price(model: str, tokens: Tokens) -> float | None:
    """The list price of one request in USD, None for an unknown model."""
    from genai_prices import Usage, calc_price

    usage = Usage(
        # genai-prices counts every prompt token as input and the cached ones again by class.
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cache_write_5m_tokens=tokens.cache_write_5m,
        cache_write_1h_tokens=tokens.cache_write_1h,
        output_tokens=tokens.output,
    )
    try:
        return float(calc_price(usage, model, provider_id="anthropic").total_price)
    except LookupError:
        return None
