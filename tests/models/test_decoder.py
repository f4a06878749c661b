"""What comes from outside never raises, whatever its type, and nothing of it is taken for what it is not."""

from __future__ import annotations

import json
import math

import pytest
from claude_agent_sdk._internal.message_parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.models.decoder import Line, Lines, count, json_object, message_of, number
from agentflow.models.guard import GuardPolicy
from agentflow.models.prices import PriceTable
from agentflow.models.session import Denial, Unreadable
from agentflow.models.transcript import Transcript

KINDS = ("assistant", "user", "system", "result", "stream_event", "rate_limit_event", "conversation_reset", "other")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "subtype", "message", "content", "type", "id", "name", "input", "tool_use_id", "usage", "event", "delta", "model",
    "structured_output", "permission_denials", "tool_name", "tool_input", "rate_limit_info", "tasks", "session_id",
    "task_id", "errors", "result", "is_error", "total_cost_usd", "retry_delay_ms", "text",
)  # fmt: skip
BLOCK = st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=5) | st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(("text", "thinking", "tool_use", "tool_result", "server_tool_use", "new_one")),
    st.dictionaries(st.sampled_from(FIELDS), ANY, max_size=4),
)
SPOKEN = st.dictionaries(st.sampled_from(FIELDS), ANY | st.lists(BLOCK | ANY, max_size=3), max_size=5)
MESSAGE = st.builds(
    lambda kind, rest, spoken: {**rest, "message": spoken, "type": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), ANY | SPOKEN, max_size=6),
    SPOKEN | ANY,
)


@pytest.fixture(scope="module")
def hear(tmp_path_factory):
    """A session that hears messages as they come from the CLI's lines; gives what it was told."""
    from types import SimpleNamespace

    def play(*messages: object):
        told = []
        request = SimpleNamespace(schema={"type": "object"}, model="claude-haiku-5-5", standing_texts=(), prompt="Go.")
        policy = GuardPolicy(tmp_path_factory.getbasetemp(), frozenset({"Read", "Write"}))
        transcript = Transcript(request, policy, told.append, PriceTable())
        transcript.start()
        for message in messages:
            clean, odd = message_of(Line(message if isinstance(message, bytes) else json.dumps(message).encode()))
            if odd:
                transcript.odd(odd)
            if clean is not None and (parsed := parse_message(clean)) is not None:
                transcript.hear(parsed)
        transcript.close()
        return transcript, told

    return play


@settings(max_examples=60)
@given(st.lists(MESSAGE, max_size=3))
def test_no_message_of_any_shape_raises(hear, messages):
    hear(*messages)


@given(st.binary(max_size=200))
def test_no_bytes_raise(hear, data):
    hear(b"{" + data, data)


@pytest.mark.parametrize("given_input", [["a"], 5, "a", None, True, [], {}], ids=repr)
def test_a_tool_call_whose_input_is_no_object_is_refused_and_its_answer_is_billed(hear, given_input):
    block = {"type": "tool_use", "id": "t1", "name": "Write", "input": given_input}
    usage = {"input_tokens": 10, "output_tokens": 5}
    said = {
        "type": "assistant",
        "message": {"id": "m", "model": "claude-haiku-5-5", "content": [block], "usage": usage},
    }
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}
    transcript, _ = hear(said, {"type": "user", "message": {"content": [result]}})
    assert transcript.denials == [Denial("Write", "", "no path is given")]
    assert [request.tokens.output for request in transcript.requests] == [5]
    assert transcript.requests[0].cost_usd > 0


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        (b'{"type": "assistant", "message"', 'no JSON: {"type": "assistant", "message"'),
        (b'{"type": 5}', "a message of type 5"),
        (b'{"type": null}', "a message of type None"),
        (b'{"type": "control_request", "request": {}}', "a control_request without its parts"),
        (b'{"type": "control_response", "response": []}', "a control_response without its parts"),
        (b'{"type": "control_cancel_request"}', "a control_cancel_request without its parts"),
        (b'{"a": ' + b"[" * 200_000, None),
        (b'{"a": ' + b"9" * 10_000 + b"}", None),
        (b'{"type": "user", "message": {"content": [5, null, "x"]}}', "3 blocks of an user message"),
    ],
)
def test_what_cannot_be_understood_is_told(hear, line, odd):
    _, told = hear(line)
    (unreadable,) = told
    assert isinstance(unreadable, Unreadable)
    assert odd is None or unreadable.what == odd


@pytest.mark.parametrize("line", [b"[SandboxDebug] hello", b"", b"   ", b"[1]", b'{"type": "a_new_kind"}'])
def test_what_is_no_message_or_one_of_a_later_version_is_passed_over(hear, line):
    assert hear(line)[1] == []


@pytest.mark.parametrize(
    "line",
    [
        Line(b'{"type":"result","subtype":"succ', is_cut=True),
        Line(b'{"type": "result", }'),
        Line(b'{"duration_api_ms":242,"stop_reason":"x'),
        Line(b'{"session_id":"x","type":"result","result":"\xff', is_cut=True),
    ],
)
def test_a_result_that_cannot_be_read_still_ends_its_turn(line):
    message, odd = message_of(line)
    assert odd
    assert (message["type"], message["subtype"], message["is_error"]) == ("result", "unreadable", True)
    assert parse_message(message) is not None


@pytest.mark.parametrize("pieces", [[b"a\nb\n"], [b"a", b"\n", b"b\n"], [b"a\nb", b"\n"], [b"", b"a\nb\n", b""]])
def test_lines_are_put_together_from_pieces(pieces):
    lines = Lines()
    assert [line.data for piece in pieces for line in lines.push(piece)] == [b"a", b"b"]


def test_of_an_endless_line_only_the_beginning_is_kept_and_the_next_one_is_whole():
    lines = Lines(limit=10)
    cut, whole = [line for piece in (b"x" * 5000, b"y" * 5000, b"z\nnext\n") for line in lines.push(piece)]
    assert (cut.is_cut, cut.data) == (True, b"x" * 1000)
    assert (whole.is_cut, whole.data) == (False, b"next")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"a": "caf\xe9"}', "caf\ufffd"),
        (b'{"a": "\\ud83d"}', "\ufffd"),
        (b'{"a": "\\uD83D\\uDE00"}', "\U0001f600"),
        ('{"a": "é"}'.encode(), "é"),
    ],
)
def test_text_that_no_file_could_hold_is_replaced(data, text):
    assert json_object(data) == {"a": text}
    assert text.encode()


@pytest.mark.parametrize("value", [-1, "-1", None, True, "many", [], {}, math.nan, math.inf, "nan", 1 << 80])
def test_what_is_no_count_is_unknown(value):
    assert count(value) is None


@pytest.mark.parametrize(("value", "known"), [(0, 0), (12, 12), ("12", 12), (12.0, 12), ("1e3", 1000)])
def test_a_count_may_come_as_text(value, known):
    assert count(value) == known
    assert number(value) == known


@pytest.mark.parametrize(
    "line",
    [
        Line(b'{"type":"user","message":{"content":[{"type":"result"', is_cut=True),
        Line(b'{"type": "assistant", "a": {"type": "result"}'),
        Line(b'{"session_id":"x"'),
    ],
)
def test_another_message_that_cannot_be_read_ends_nothing(line):
    assert message_of(line)[0] is None
