"""What comes over pipes and wires: lines of the CLI, its session files, streams, events for hooks."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from claude_agent_sdk._internal.message_parser import parse_message
from hypothesis import strategies as st

from agentflow.claude_code import hook
from agentflow.claude_code.transcripts import Account, read_on
from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.tiers import Tier
from agentflow.models.decoder import Lines, message_of
from agentflow.models.guard import GuardPolicy
from agentflow.models.prices import PriceTable
from agentflow.models.session import SessionRequest
from agentflow.models.transcript import Transcript

USAGE = {"input_tokens": 10, "output_tokens": 2, "cache_creation": {"ephemeral_1h_input_tokens": 1}}
MESSAGES = [
    {"type": "system", "subtype": "init", "session_id": "s"},
    {"type": "system", "subtype": "api_retry", "error_status": 529, "retry_delay_ms": 500},
    {"type": "system", "subtype": "task_started", "task_id": "t", "usage": {}},
    {"type": "stream_event", "event": {"type": "message_start", "message": {"id": "m", "model": "x", "usage": USAGE}}},
    {"type": "stream_event", "event": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}},
    {"type": "stream_event", "event": {"type": "message_delta", "usage": USAGE}},
    {"type": "stream_event", "event": {"type": "message_stop"}},
    {
        "type": "assistant",
        "message": {
            "id": "m2",
            "model": "claude-haiku-5-5",
            "usage": USAGE,
            "content": [
                {"type": "text", "text": "hi"},
                {"type": "tool_use", "id": "t1", "name": "Edit", "input": {"file_path": "a.py"}},
                {"type": "thinking", "thinking": "hm", "signature": "s"},
            ],
        },
    },
    {
        "type": "user",
        "message": {"content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": "no"}]},
    },
    {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 9}},
    {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": "{}",
        "total_cost_usd": 0.1,
        "permission_denials": [{"tool_name": "Bash", "tool_use_id": "t", "tool_input": {"command": "x"}}],
    },
    {"type": "control_request", "request_id": "r", "request": {"subtype": "can_use_tool"}},
]
SESSION = {
    "type": "assistant",
    "timestamp": "2026-01-01T00:00:00Z",
    "message": {"id": "m", "model": "claude-haiku-5-5", "usage": USAGE, "content": [{"type": "text", "text": "x"}]},
}
HOOKED = {
    "hook_event_name": "PreToolUse",
    "session_id": "s",
    "agent_type": "execute",
    "tool_name": "Bash",
    "tool_input": {"command": "git status", "file_path": "a"},
    "prompt": "hi",
    "model": {"display_name": "Haiku"},
    "cost": {"total_cost_usd": 0.1},
    "workspace": {"current_dir": "."},
}


def spoiled(fuzz, *documents: dict) -> st.SearchStrategy[dict]:
    """One of these documents with one of its values, however deep, replaced."""
    return st.builds(_replaced, st.sampled_from(documents), st.integers(0, 40), fuzz.tree)


def _replaced(document, number, value):
    ways = list(_ways(document, ()))
    copy = json.loads(json.dumps(document))
    *around, last = ways[number % len(ways)]
    inner = copy
    for step in around:
        inner = inner[step]
    inner[last] = value
    return copy


def _ways(value, way):
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield (*way, step)
        yield from _ways(item, (*way, step))


@pytest.fixture
def transcript(tmp_path):
    limits = Limits(max_turns=1, budget_usd=1.0, timeout_s=60.0)
    agent = Agent("execute", "Works.", Role.EXECUTOR, Tier.HAIKU, (Tier.HAIKU,), ("Edit",), "Work.", limits)
    label = Label("run-1", "first", "execute", Tier.HAIKU, 1)
    request = SessionRequest(label, CallKind.EXECUTE, agent, "m", "Go.", {}, tmp_path, tmp_path, write_scope=("a.py",))
    return lambda: Transcript(request, GuardPolicy.of(request), lambda _: None, PriceTable())


def test_lines_of_the_cli_cut_anywhere(fuzz, transcript):
    line = spoiled(fuzz, *MESSAGES).map(lambda data: json.dumps(data) + "\n") | fuzz.changed(*map(json.dumps, MESSAGES))
    raw = st.lists(line.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=20), max_size=6)

    def read(given):
        stream, cut = b"".join(given[0]), given[1]
        heard, lines = transcript(), Lines(limit=5000)
        for piece in (stream[:cut], stream[cut:], b"\n"):
            for found in lines.push(piece):
                message, _ = message_of(found)
                if message is not None and not message["type"].startswith("control_"):
                    heard.hear(parse_message(message))
        heard.close()
        assert heard.counted_usd >= 0

    fuzz.hold(st.tuples(raw, st.integers(0, 400)), read)


def test_session_files_of_claude_code(fuzz, tmp_path):
    line = spoiled(fuzz, SESSION).map(json.dumps) | fuzz.changed(json.dumps(SESSION))

    def read(lines):
        path = tmp_path / "session.jsonl"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
        price = PriceTable().price
        read_on(Account(), path, 0.0, price).totals(price)

    fuzz.hold(st.lists(line, max_size=4), read)


@pytest.mark.parametrize("event", ["PreToolUse", "UserPromptSubmit", "SessionStart", "Stop", "statusline"])
def test_a_hook_answers_any_event_with_json_or_nothing(fuzz, event, tmp_path, monkeypatch):
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"AGENTFLOW_{name}_DIR", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["agentflow-hook", event])
    said: list[object] = []
    monkeypatch.setattr(hook, "say", lambda answer, **_: said.append(answer))
    given = spoiled(fuzz, {**HOOKED, "cwd": str(tmp_path)}).map(json.dumps) | fuzz.changed(json.dumps(HOOKED))

    def read(text):
        content = io.BytesIO(text.encode("utf-8", "surrogatepass"))
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False, buffer=content))
        hook.main()
        while said:
            answer = said.pop()
            assert isinstance(answer, str) or json.dumps(answer)

    fuzz.hold(given, read)
    log = Path(tmp_path / "STATE" / "hooks" / "hook.log")
    assert not log.exists() or "RecursionError" not in log.read_text(encoding="utf-8")
