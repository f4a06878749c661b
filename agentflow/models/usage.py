"""The Messages API's `usage` as tokens and money. What is not told is unknown, never zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.domain.calls import Request, Tokens
from agentflow.models.decoder import count, table

#: USD of one request to a model, None when nobody knows.
Price = Callable[[str, Tokens], float | None]
#: Characters of a token in our own estimates, which are made only where a gateway tells nothing.
CHARACTERS = 4


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """Tokens by class; cache writes without a lifetime count as five-minute ones, the API's default.

    What is missing, or no number of tokens, counts as none: see `is_told`.
    """
    written = count(usage.get("cache_creation_input_tokens")) or 0
    by_lifetime = table(usage.get("cache_creation"))
    one_hour = min(count(by_lifetime.get("ephemeral_1h_input_tokens")) or 0, written)
    return Tokens(
        input=count(usage.get("input_tokens")) or 0,
        output=count(usage.get("output_tokens")) or 0,
        cache_read=count(usage.get("cache_read_input_tokens")) or 0,
        cache_write_5m=written - one_hour,
        cache_write_1h=one_hour,
    )


def is_told(usage: Mapping[str, Any], *, says_something: bool) -> bool:
    """Whether a usage can be believed: no prompt is empty, and no answer that says something took no tokens."""
    given = {name: usage.get(name) for name in ("input_tokens", "output_tokens")}
    if any(value is not None and count(value) is None for value in given.values()):
        return False
    tokens = tokens_of(usage)
    return tokens.total > tokens.output and (tokens.output > 0 or not says_something)


def request_of(model: str, usage: Mapping[str, Any], price: Price, *, sent: int, said: int) -> Request:
    """An answered request; where its usage is unknown it has no price, but an estimate by the characters sent and said.

    The estimate takes the whole prompt for uncached: a budget had better end early than never.
    """
    tokens = tokens_of(usage)
    if is_told(usage, says_something=said > 0):
        return Request(model, tokens, price(model, tokens))
    guess = Tokens(input=max(1, sent // CHARACTERS), output=max(1, said // CHARACTERS))
    return Request(model, tokens, None, price(model, guess))
