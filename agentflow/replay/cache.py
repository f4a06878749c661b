"""Prompt caching, simulated, so that replayed token classes and prices look like real ones.

The prefix order is tools, system, messages. Entries are written at `cache_control` breakpoints and found at most
20 blocks back from one. Tokens are UTF-8 bytes of JSON divided by four. From Anthropic's prompt caching documentation.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FIVE_MINUTES = 300.0
ONE_HOUR = 3600.0
_LOOK_BACK = 20


class _Prefix(NamedTuple):
    """The prompt up to and including one block."""

    digest: str
    tokens: int
    ttl: float | None


class PromptCache:
    """What one account has cached, by prefix. `scope` separates accounts and models."""

    def __init__(self) -> None:
        self._expiry: dict[str, float] = {}

    def usage(self, scope: str, body: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Input side of the `usage` of a request made at `now` (seconds); writes its breakpoints to the cache."""
        prefixes = list(_prefixes(scope, body))
        marks = [index for index, prefix in enumerate(prefixes) if prefix.ttl]
        read = self._read(prefixes, marks, now)
        cached_to = prefixes[marks[-1]].tokens if marks else 0
        one_hour = max((prefixes[i].tokens for i in marks if prefixes[i].ttl == ONE_HOUR), default=0)
        self._write(prefixes, marks, now)
        return _usage(prefixes[-1].tokens if prefixes else 0, read, cached_to, one_hour)

    def _read(self, prefixes: list[_Prefix], marks: list[int], now: float) -> int:
        """Tokens of the longest prefix found in the cache; a hit lives on."""
        longest = 0
        for mark in marks:
            near = reversed(prefixes[max(0, mark - _LOOK_BACK + 1) : mark + 1])
            hit = next((prefix for prefix in near if self._expiry.get(prefix.digest, 0) > now), None)
            if hit:
                longest = max(longest, hit.tokens)
                self._expiry[hit.digest] = max(self._expiry[hit.digest], now + FIVE_MINUTES)
        return longest

    def _write(self, prefixes: list[_Prefix], marks: list[int], now: float) -> None:
        for digest, _, ttl in (prefixes[mark] for mark in marks):
            self._expiry[digest] = max(self._expiry.get(digest, 0), now + (ttl or 0))


def tokens(value: Any) -> int:
    """A rough count of the tokens of JSON data."""
    return max(1, math.ceil(len(json.dumps(value, ensure_ascii=False).encode()) / 4))


def _usage(total: int, read: int, cached_to: int, one_hour: int) -> dict[str, Any]:
    written = max(0, cached_to - read)
    long_lived = min(written, max(0, one_hour - read))
    lifetimes = {"ephemeral_5m_input_tokens": written - long_lived, "ephemeral_1h_input_tokens": long_lived}
    classes = {"cache_read_input_tokens": read, "cache_creation_input_tokens": written}
    return {"input_tokens": total - max(cached_to, read), **classes, "cache_creation": lifetimes}


def _prefixes(scope: str, body: Mapping[str, Any]) -> Iterator[_Prefix]:
    digest, count = hashlib.sha256(scope.encode()), 0
    for role, block in _blocks(body):
        bare = {key: value for key, value in block.items() if key != "cache_control"}
        digest.update(json.dumps([role, bare]).encode())
        count += tokens(bare)
        yield _Prefix(digest.hexdigest(), count, _ttl(block.get("cache_control")))


def _ttl(control: Mapping[str, Any] | None) -> float | None:
    if not control:
        return None
    return ONE_HOUR if control.get("ttl") == "1h" else FIVE_MINUTES


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from (("tools", tool) for tool in body.get("tools") or () if not tool.get("defer_loading"))
    for block in _as_blocks(body.get("system")):
        if not block.get("text", "").startswith("x-anthropic-billing-header"):
            yield "system", block
    for message in body.get("messages") or ():
        yield from ((message["role"], block) for block in _as_blocks(message["content"]))


def _as_blocks(content: Any) -> list[Mapping[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []
