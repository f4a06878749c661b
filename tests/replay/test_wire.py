"""Turns to blocks, messages to streams and back."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.replay.request import ReplayRequest
from agentflow.replay.scenario import Turn
from agentflow.replay.wire import Renderer, Unanswerable, assemble, escape_placeholders, events, frame, unframe

SCHEMA_FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": {}}}}
WORKDIR = "Working directory: /repo"

texts = st.text(max_size=9000)
blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "s"}, texts),
    st.builds(
        lambda i, value: {"type": "tool_use", "id": f"t{i}", "name": "Edit", "input": {"a": value}},
        st.integers(),
        texts,
    ),
    st.just({"type": "redacted_thinking", "data": "x"}),
)


def request(prompt: str = WORKDIR, **body) -> ReplayRequest:
    return ReplayRequest.read({}, {"model": "m", "messages": [{"role": "user", "content": prompt}], **body}, at=0.0)


def render(turn: dict, asked: ReplayRequest) -> list[dict]:
    return Renderer().content(Turn.model_validate(turn), asked)


@given(st.lists(blocks, max_size=4))
def test_a_message_survives_its_own_stream(content):
    usage = {"input_tokens": 3, "output_tokens": 5}
    message = {"id": "m", "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}

    stream = b"".join(frame(name, data) for name, data in events(message))

    assert assemble(unframe(stream)) == message


def test_a_stream_cut_anywhere_makes_no_message():
    usage = {"input_tokens": 3, "output_tokens": 5}
    content = [{"type": "text", "text": "hello"}]
    message = {"id": "m", "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
    stream = b"".join(frame(name, data) for name, data in events(message))

    assert all(assemble(unframe(stream[:end])) is None for end in range(len(stream) - 1))


def test_a_turn_is_thinking_words_calls_and_answer_in_this_order():
    turn = {"thinking": "hm", "say": "ok", "calls": [{"tool": "Read", "input": {"file_path": "a"}}], "answer": {"n": 1}}

    content = render(turn, request(tools=[{"name": "StructuredOutput"}]))

    assert [block.get("name", block["type"]) for block in content] == ["thinking", "text", "Read", "StructuredOutput"]
    assert content[-1]["input"] == {"n": 1}


def test_an_answer_is_json_text_where_the_request_has_an_output_format():
    content = render({"answer": {"n": 1}}, request(**SCHEMA_FORMAT))

    assert [block["type"] for block in content] == ["text"]
    assert json.loads(content[0]["text"]) == {"n": 1}


def test_an_answer_nobody_asked_for_is_refused():
    with pytest.raises(Unanswerable, match="the request asks for none"):
        render({"answer": {"n": 1}}, request())


def test_placeholders_are_filled_in_wherever_text_stands():
    turn = {
        "say": "in {cwd}",
        "calls": [{"tool": "Edit", "input": {"file_path": "{cwd}/x", "edits": [{"new": "{cwd}"}]}}],
    }

    said, call = render(turn, request())

    assert said["text"] == "in /repo"
    assert call["input"] == {"file_path": "/repo/x", "edits": [{"new": "/repo"}]}


def test_the_python_placeholder_starts_this_interpreter(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert render({"say": "{python}"}, request())[0]["text"].strip("'") == sys.executable


@given(st.text("{}cwdpython", max_size=30))
def test_escaped_text_comes_out_as_it_went_in(text):
    assert render({"say": escape_placeholders(text)}, request())[0]["text"] == text


def test_a_working_directory_nobody_stated_is_refused():
    with pytest.raises(Unanswerable, match="states no working directory"):
        render({"say": "{cwd}"}, request("hello"))
