"""What is read from a session's messages."""

from __future__ import annotations

import pytest
from claude_agent_sdk import (
    AssistantMessage,
    RateLimitEvent,
    RateLimitInfo,
    StreamEvent,
    SystemMessage,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from agentflow.domain.calls import Tokens
from agentflow.models.guard import GuardPolicy
from agentflow.models.prices import PriceTable
from agentflow.models.session import Denied, Retrying
from agentflow.models.transcript import Transcript

MODEL = "claude-haiku-5-5"


@pytest.fixture
def told():
    return []


@pytest.fixture
def transcript(session, told):
    heard = Transcript(session, GuardPolicy.of(session), told.append, PriceTable())
    heard.start()
    return heard


def event(**data):
    return StreamEvent(uuid="u", session_id="s", event=data)


def begun(number, **usage):
    return event(type="message_start", message={"id": f"msg_{number}", "model": MODEL, "usage": usage})


def test_silence_does_not_count_while_a_tool_runs(transcript):
    use = ToolUseBlock("tool-1", "Bash", {"command": "python3 -c pass"})
    transcript.hear(AssistantMessage([use], MODEL))
    assert transcript.silent_s == 0
    transcript.hear(UserMessage([ToolResultBlock("tool-1", "ok")]))
    assert transcript.silent_s > 0


def test_the_files_that_were_written_are_known_by_their_place_in_the_worktree(transcript, session):
    uses = {
        "written": ToolUseBlock("1", "Write", {"file_path": str(session.cwd / "lib" / "a.py")}),
        "edited": ToolUseBlock("2", "Edit", {"file_path": "b.py"}),
        "refused": ToolUseBlock("3", "Write", {"file_path": "c.py"}),
        "outside": ToolUseBlock("4", "Write", {"file_path": "/etc/d.py"}),
        "read": ToolUseBlock("5", "Read", {"file_path": "e.py"}),
    }
    transcript.hear(AssistantMessage([*uses.values()], MODEL))
    transcript.hear(
        UserMessage([ToolResultBlock(use.id, "said", is_error=what == "refused") for what, use in uses.items()])
    )
    assert list(transcript.written) == ["lib/a.py", "b.py"]


def test_a_streamed_request_counts_once_with_its_final_usage(transcript):
    transcript.hear(begun(1, input_tokens=10, output_tokens=1))
    transcript.hear(AssistantMessage([], MODEL, message_id="msg_1", usage={"input_tokens": 10, "output_tokens": 1}))
    transcript.hear(event(type="message_delta", usage={"output_tokens": 50, "input_tokens": None}))
    transcript.hear(event(type="message_stop"))
    assert [request.tokens for request in transcript.requests] == [Tokens(input=10, output=50)]


def test_a_request_answered_without_a_stream_counts_once(transcript):
    for _ in range(2):
        transcript.hear(AssistantMessage([], MODEL, message_id="msg_1", usage={"input_tokens": 10, "output_tokens": 5}))
    assert [request.tokens for request in transcript.requests] == [Tokens(input=10, output=5)]


def test_a_broken_stream_counts_with_what_it_had_begun(transcript):
    transcript.hear(begun(1, input_tokens=10, output_tokens=1))
    transcript.hear(begun(2, input_tokens=20, output_tokens=1))
    transcript.close()
    assert [request.tokens.input for request in transcript.requests] == [10, 20]


def test_the_clis_own_error_messages_are_no_requests(transcript):
    transcript.hear(AssistantMessage([], "<synthetic>", message_id="x", error="rate_limit", usage={"input_tokens": 1}))
    assert transcript.requests == []
    assert transcript.error_word == "rate_limit"


def test_retries_are_told(transcript, told):
    transcript.hear(SystemMessage("api_retry", {"error_status": 529, "retry_delay_ms": 1500}))
    assert told == [Retrying(529, 1.5)]


def test_a_call_that_fails_before_the_guard_is_asked_is_recorded_once(transcript, told):
    transcript.hear(AssistantMessage([ToolUseBlock("tool-1", "Agent", {"prompt": "x"})], MODEL))
    transcript.hear(UserMessage([ToolResultBlock("tool-1", "No such tool available: Agent", is_error=True)]))
    transcript.denied(transcript.denials[0], "tool-1")
    assert [denial.tool for denial in transcript.denials] == ["Agent"]
    assert [progress for progress in told if isinstance(progress, Denied)] == [Denied(transcript.denials[0])]


def test_only_a_rejected_usage_window_sets_a_reset_time(transcript):
    transcript.hear(RateLimitEvent(RateLimitInfo("allowed_warning", resets_at=5), "u", "s"))
    assert transcript.resets_at is None
    transcript.hear(RateLimitEvent(RateLimitInfo("rejected", resets_at=7), "u", "s"))
    assert transcript.resets_at == 7
