"""The replay server over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from typing import get_args

import httpx2
import pytest
from anthropic import Anthropic

from agentflow.errors import EnvironmentError_
from agentflow.replay.scenario import Odd, parse_scenario
from agentflow.replay.server import ReplayServer, ThreadedReplay
from agentflow.replay.wire import assemble, unframe

LABELS = {"x-agentflow-agent": "execute", "x-agentflow-tier": "haiku", "x-api-key": "secret-canary-key"}


def scenario(rules: str):
    return parse_scenario(f"name: test\nrules:\n{rules}")


def post(server: ThreadedReplay, body: dict, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{server.base_url}/v1/messages", json=body, headers={**LABELS, **headers})


def test_a_streamed_and_a_plain_answer_say_the_same(body):
    with ThreadedReplay(scenario("  - {times: '*', turns: [{say: hello there}]}\n")) as server:
        plain = post(server, body()).json()
        streamed = assemble(unframe(post(server, body(stream=True)).content))

    assert plain["content"] == streamed["content"] == [{"type": "text", "text": "hello there"}]
    assert plain["model"] == "claude-haiku-5-5"
    assert plain["usage"]["input_tokens"] > 0
    assert streamed["usage"]["output_tokens"] > 1


def test_the_anthropic_sdk_is_content_with_the_answers(body):
    with ThreadedReplay(scenario("  - {times: '*', turns: [{say: hello}]}\n")) as server:
        client = Anthropic(base_url=server.base_url, api_key="k", max_retries=0)
        answer = client.messages.create(**body())
        with client.messages.stream(**body()) as stream:
            final = stream.get_final_message()
        count = client.messages.count_tokens(model="m", messages=[{"role": "user", "content": "hello"}])
        models = [model.id for model in client.models.list()]

    assert answer.content[0].text == final.content[0].text == "hello"
    assert count.input_tokens > 0
    assert "claude-opus-5-5" in models


def test_a_request_no_rule_answers_fails_loudly_and_is_remembered(body):
    with ThreadedReplay(scenario("  - {when: {agent: plan}, turns: [{say: a}]}\n")) as server:
        answer = post(server, body("what now?"))
        unmatched = list(server.unmatched)

    assert answer.status_code == 400
    assert "agent=execute tier=haiku" in answer.json()["error"]["message"]
    assert "rules[0]: agent is not plan" in answer.json()["error"]["message"]
    assert [request.last_text for request in unmatched] == ["what now?"]


def test_an_answer_that_does_not_fit_the_request_fails_loudly_too(body):
    with ThreadedReplay(scenario("  - {turns: [{answer: {a: 1}}]}\n")) as server:
        answer = post(server, body())

        assert answer.status_code == 400
        assert len(server.unmatched) == 1


def test_an_http_fault_has_its_status_headers_type_and_message(body):
    fault = "{status: 429, headers: {retry-after: '7'}, message: slow down}"
    with ThreadedReplay(scenario(f"  - turns: [{{fault: {fault}}}, {{say: fine}}]\n")) as server:
        first, second = post(server, body()), post(server, body())

    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert first.json()["error"] == {"type": "rate_limit_error", "message": "slow down"}
    assert second.json()["content"][0]["text"] == "fine"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["drop: connect", "drop: headers", "drop: mid", "hang: 0.01, where: mid"])
def test_a_cut_connection_is_cut_and_the_next_request_is_answered(body, fault, stream):
    with ThreadedReplay(scenario(f"  - turns: [{{say: fine, fault: {{{fault}}}}}]\n")) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            post(server, body(stream=stream))
        answer = post(server, body())

    assert answer.json()["content"][0]["text"] == "fine"


def streamed_names(content: bytes) -> list[str]:
    return [event["type"] for event in unframe(content)]


@pytest.mark.parametrize("place", ["message_start", "content_block_delta", "message_delta", "message_stop"])
def test_an_answer_ends_after_the_event_that_is_named_and_otherwise_in_its_middle(body, place):
    with ThreadedReplay(scenario(f"  - turns: [{{say: fine, fault: {{end: {place}, times: 2}}}}]\n")) as server:
        streamed, plain = post(server, body(stream=True)), post(server, body())

    assert streamed_names(streamed.content)[-1] == place
    assert plain.content.startswith(b'{"id"')
    assert not plain.content.endswith(b"}")


@pytest.mark.parametrize("fault", ["body: <b>no</b>", "status: 502, body: <b>no</b>"])
def test_a_body_stands_in_place_of_the_answer_under_its_status_and_headers(body, fault):
    rules = f"  - turns: [{{fault: {{{fault}, headers: {{content-type: text/html}}, times: 2}}}}]\n"
    with ThreadedReplay(scenario(rules)) as server:
        answers = [post(server, body(stream=stream)) for stream in (True, False)]

    status = 502 if "502" in fault else 200
    assert [(a.status_code, a.headers["content-type"], a.text) for a in answers] == [
        (status, "text/html", "<b>no</b>")
    ] * 2


@pytest.mark.parametrize("fault", [*(f"odd: {odd}" for odd in get_args(Odd)), "drip: 0.01"])
def test_an_odd_answer_says_the_same_in_another_way(body, fault):
    rules = f"  - turns: [{{say: Übung 好, fault: {{{fault}, times: 2}}}}]\n"
    with ThreadedReplay(scenario(rules)) as server:
        streamed, plain = post(server, body(stream=True)).content, post(server, body()).json()

    events = list(unframe(re.sub(rb"\r\n?", b"\n", streamed)))
    assert assemble(events)["content"] == plain["content"] == [{"type": "text", "text": "Übung 好"}]
    assert "Übung 好".encode() in streamed


def test_a_stream_error_comes_after_part_of_the_answer(body):
    rules = "  - turns: [{say: fine, fault: {sse_error: overloaded_error, times: 2}}]\n"
    with ThreadedReplay(scenario(rules)) as server:
        streamed = list(unframe(post(server, body(stream=True)).content))
        plain = post(server, body())

    assert streamed[0]["type"] == "message_start"
    assert streamed[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded_error"}}
    assert plain.status_code == 529


def test_stopping_the_server_does_not_wait_for_a_hanging_answer(body):
    server = ThreadedReplay(scenario("  - turns: [{fault: {hang: 600}}]\n"))
    server.start()
    with pytest.raises(httpx2.TransportError):
        httpx2.post(f"{server.base_url}/v1/messages", json=body(), timeout=0.2)
    server.stop()

    assert not server._thread.is_alive()


def test_the_log_holds_every_request_with_its_labels_and_no_credential(body, tmp_path):
    log = tmp_path / "requests.jsonl"
    with ThreadedReplay(scenario("  - {turns: [{say: a}]}\n"), log=log) as server:
        post(server, body("first"), authorization="Bearer secret-canary-token", cookie="session=secret-canary-cookie")
        post(server, body("second"))

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["answered_by"] for line in lines] == ["rules[0].turns[0]", None]
    assert lines[0]["labels"] == {"agent": "execute", "tier": "haiku"}
    assert lines[0]["last_text"] == "first"
    assert "canary" not in log.read_text()


def test_a_taken_port_is_an_environment_error():
    answers = scenario("  - {turns: [{say: a}]}\n")
    with ThreadedReplay(answers) as first:
        port = int(first.base_url.rpartition(":")[2])
        with pytest.raises(EnvironmentError_, match=str(port)):
            ThreadedReplay(answers, port=port).start()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"messages": [1]}', b'{"messages": [{"role": "user"}]}']
)
def test_what_is_no_request_for_a_message_is_refused(content):
    with ThreadedReplay(scenario("  - {turns: [{say: a}]}\n")) as server:
        answer = httpx2.post(f"{server.base_url}/v1/messages", content=content)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_any_path_answers_head():
    with ThreadedReplay(scenario("  - {turns: [{say: a}]}\n")) as server:
        assert httpx2.head(f"{server.base_url}/api/hello").status_code == 200


def test_many_requests_at_once_are_all_answered(body):
    async def ask_all():
        answers = scenario("  - {times: '*', turns: [{say: a, delay: 0.01}]}\n")
        async with ReplayServer(answers) as server, httpx2.AsyncClient() as client:
            url = f"{server.base_url}/v1/messages"
            return await asyncio.gather(*(client.post(url, json=body(f"q{n}")) for n in range(30)))

    assert {answer.status_code for answer in asyncio.run(ask_all())} == {200}


def test_the_prompt_cache_belongs_to_the_key(body):
    marked = [{"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}]
    asked = body(system=marked)
    with ThreadedReplay(scenario("  - {times: '*', turns: [{say: a}]}\n")) as server:
        reads = [
            post(server, asked, **{"x-api-key": key}).json()["usage"]["cache_read_input_tokens"]
            for key in ("key-number-one", "key-number-one", "key-number-two")
        ]

    assert reads[0] == reads[2] == 0
    assert reads[1] > 100
