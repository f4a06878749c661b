"""What the replay reads out of a request."""

from __future__ import annotations

import pytest

from agentflow.replay.request import ReplayRequest


def read(**body) -> ReplayRequest:
    return ReplayRequest.read({}, {"model": "m", "messages": [], **body}, at=0.0)


def user(*texts: str) -> dict:
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


def structured(call_id: str, *, refused: bool = False) -> list[dict]:
    call = {"type": "tool_use", "id": call_id, "name": "StructuredOutput", "input": {}}
    result = {"type": "tool_result", "tool_use_id": call_id, "is_error": refused, "content": "-"}
    return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]


def test_labels_come_from_the_headers_and_credentials_stay_behind():
    headers = {
        "x-agentflow-agent": "execute",
        "x-api-key": "k",
        "authorization": "Bearer k",
        "cookie": "c=1",
        "x-app": "cli",
    }

    request = ReplayRequest.read(headers, {"messages": []}, at=1.0)

    assert request.labels == {"agent": "execute"}
    assert set(request.headers) == {"x-agentflow-agent", "x-app"}


@pytest.mark.parametrize(
    ("system", "prompt", "cwd"),
    [
        ("# Environment\n - Primary working directory: /a/b c\n - Platform: linux", "hi", "/a/b c"),
        ([{"type": "text", "text": "<env>\nWorking directory: /a\n</env>"}], "Working directory: /b", "/a"),
        ("You are a planner.", "Working directory: /b\n\nDo it.", "/b"),
        ("The working directory: relative", "No words about it.", None),
    ],
)
def test_the_working_directory_is_what_claude_code_states_or_else_agentflows_line(system, prompt, cwd):
    assert read(system=system, messages=[user(prompt)]).cwd == cwd


def test_a_system_message_between_the_turns_can_state_the_working_directory():
    later = {"role": "system", "content": [{"type": "text", "text": " - Primary working directory: /later"}]}

    assert read(system="You are a planner.", messages=[user("hi"), later]).cwd == "/later"


def test_a_tool_result_cannot_state_the_working_directory():
    result = {"type": "tool_result", "tool_use_id": "t", "content": "Working directory: /evil"}

    assert read(messages=[{"role": "user", "content": [result]}]).cwd is None


def test_the_last_text_holds_tool_results_but_not_reminders():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "1 failed"}]}
    reminder = {"type": "text", "text": "<system-reminder>\nnoise"}
    request = read(
        messages=[user("first"), {"role": "user", "content": [reminder, result, {"type": "text", "text": "go"}]}]
    )

    assert request.last_text == "1 failed\ngo"
    assert len(request.tool_results) == 1


def test_the_round_counts_accepted_answers_only():
    refused, accepted = structured("t1", refused=True), structured("t2")

    assert read(messages=[user("go")]).round == 1
    assert read(messages=[user("go"), *refused]).round == 1
    assert read(messages=[user("go"), *refused, *accepted, user("fix")]).round == 2


def test_the_log_line_is_redacted():
    line = read(system="use sk-ant-api03-abc", messages=[user("ghp_0123456789 and AKIAABCDEFGH")]).as_json()

    assert "sk-ant" not in str(line)
    assert "ghp_" not in str(line)
    assert "AKIA" not in str(line)
