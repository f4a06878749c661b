"""The simulated prompt cache."""

from __future__ import annotations

from agentflow.replay.cache import FIVE_MINUTES, PromptCache

MARK = {"type": "ephemeral"}


def body(*texts: str, control: dict | None = MARK) -> dict:
    blocks = [{"type": "text", "text": text} for text in texts]
    if control:
        blocks[-1]["cache_control"] = control
    return {"system": "You are brief.", "messages": [{"role": "user", "content": blocks}]}


def prompt_tokens(usage: dict) -> int:
    return usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]


def test_a_prefix_is_written_once_and_then_read():
    cache = PromptCache()

    first = cache.usage("a", body("x" * 400), now=0)
    second = cache.usage("a", body("x" * 400), now=1)

    assert (first["cache_read_input_tokens"], first["input_tokens"]) == (0, 0)
    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"] > 100
    assert second["cache_creation_input_tokens"] == 0


def test_a_longer_conversation_reads_the_old_part_and_writes_the_new():
    cache = PromptCache()
    first = cache.usage("a", body("x" * 400), now=0)

    second = cache.usage("a", body("x" * 400, "y" * 400), now=1)

    assert second["cache_read_input_tokens"] == first["cache_creation_input_tokens"]
    assert second["cache_creation_input_tokens"] > 100


def test_without_a_breakpoint_everything_is_plain_input():
    usage = PromptCache().usage("a", body("x" * 400, control=None), now=0)

    assert usage["input_tokens"] == prompt_tokens(usage) > 100


def test_entries_expire_after_five_minutes_of_silence_or_an_hour():
    short, long = PromptCache(), PromptCache()
    hour = {"type": "ephemeral", "ttl": "1h"}
    short.usage("a", body("x"), now=0)
    written = long.usage("a", body("x", control=hour), now=0)

    assert short.usage("a", body("x"), now=FIVE_MINUTES + 1)["cache_read_input_tokens"] == 0
    assert long.usage("a", body("x", control=hour), now=FIVE_MINUTES + 1)["cache_read_input_tokens"] > 0
    assert written["cache_creation"]["ephemeral_1h_input_tokens"] == written["cache_creation_input_tokens"] > 0


def test_models_and_accounts_do_not_share_a_cache():
    cache = PromptCache()
    cache.usage("key haiku", body("x"), now=0)

    assert cache.usage("key opus", body("x"), now=1)["cache_read_input_tokens"] == 0


def test_an_entry_more_than_twenty_blocks_back_is_not_found():
    cache = PromptCache()
    cache.usage("a", body("x"), now=0)

    near = cache.usage("a", body("x", *("y" * 19)), now=1)
    far = PromptCache()
    far.usage("a", body("x"), now=0)

    assert near["cache_read_input_tokens"] > 0
    assert far.usage("a", body("x", *("y" * 20)), now=1)["cache_read_input_tokens"] == 0
