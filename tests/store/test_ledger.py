from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from agentflow.domain.events import Event, EventKind


def test_the_cache_gives_back_what_was_put(ledger):
    ledger.cache_put("explore", "k", {"answer": ["a", 1, None]})
    assert ledger.cache_get("explore", "k") == {"answer": ["a", 1, None]}


def test_the_cache_keeps_the_last_value_by_kind_and_key(ledger):
    ledger.cache_put("explore", "k", 1)
    ledger.cache_put("explore", "k", 2)
    ledger.cache_put("other", "k", 3)
    assert (ledger.cache_get("explore", "k"), ledger.cache_get("other", "k")) == (2, 3)
    assert ledger.cache_get("explore", "unknown") is None


def test_threads_may_share_a_ledger(ledger):
    def write(n: int) -> None:
        ledger.emit("run-1", Event(EventKind.NOTICE, data={"n": n}))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(60)))
    assert sorted(event.data["n"] for event in ledger.events("run-1")) == list(range(60))


def test_the_ledger_needs_neither_the_engine_nor_the_model_libraries():
    code = (
        "import sys, agentflow.store.ledger; "
        "print([m for m in ('dbos', 'claude_agent_sdk', 'anthropic') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
