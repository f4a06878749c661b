"""The Messages API's `usage` as tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.domain.calls import Tokens


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """Tokens by class; cache writes without a lifetime count as five-minute ones, the API's default."""
    written = usage.get("cache_creation_input_tokens") or 0
    by_lifetime = usage.get("cache_creation") or {}
    one_hour = min(by_lifetime.get("ephemeral_1h_input_tokens") or 0, written)
    return Tokens(
        input=usage.get("input_tokens") or 0,
        output=usage.get("output_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write_5m=written - one_hour,
        cache_write_1h=one_hour,
    )
