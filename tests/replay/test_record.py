"""Recording a conversation, and replaying what was recorded."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agentflow.replay.hosting import Loopback
from agentflow.replay.record import Recorder
from agentflow.replay.scenario import load_scenario, parse_scenario
from agentflow.replay.server import ReplayServer

CANARIES = ("canary-api-key-0123", "canary-bearer-0123", "canary-cookie-0123", "sk-ant-api03-Canary", "ghp_Canary0123")
HEADERS = {
    "x-api-key": CANARIES[0],
    "authorization": f"Bearer {CANARIES[1]}",
    "cookie": f"session={CANARIES[2]}",
    "x-agentflow-run": "r1",
    "x-agentflow-agent": "execute",
    "x-agentflow-subtask": "a",
    "x-agentflow-tier": "haiku",
    "x-agentflow-attempt": "1",
}


def scenario(rules: str):
    return parse_scenario(f"name: upstream\nrules:\n{rules}")


async def recorded(upstream, file, bodies, headers=HEADERS):
    """The answers to `bodies`, asked one after another through a recorder."""
    async with ReplayServer(upstream) as server, Recorder(server.base_url, file) as recorder:
        return await ask(recorder.base_url, bodies, headers), server.requests


async def ask(base_url, bodies, headers=HEADERS):
    answers = []
    async with httpx2.AsyncClient(headers=headers) as client:
        for asked in bodies:
            try:
                answers.append(await client.post(f"{base_url}/v1/messages", json=asked))
            except httpx2.RemoteProtocolError:
                answers.append(None)
    return answers


async def replayed(file, bodies, headers=HEADERS):
    async with ReplayServer(load_scenario(file)) as server:
        return await ask(server.base_url, bodies, headers)


def contents(answers):
    return [answer.json().get("content", answer.json().get("error")) if answer else None for answer in answers]


ALL_KINDS = """
  - turns:
      - {thinking: hm, say: "two\\nlines", calls: [{tool: Read, input: {file_path: "{cwd}/x", limit: 3}}]}
      - {say: "f'{{cwd}} and {{python}}'", stop_reason: max_tokens, model: claude-haiku-5-5-served}
      - {content: [{type: text, text: a}, {type: text, text: b}]}
      - {fault: {status: 529, message: too busy, headers: {retry-after: "2"}}}
      - {fault: {drop: mid}}
      - {say: "  - # : tricky yaml {x} 'y' \\"z\\" \\t end  "}
"""


@pytest.mark.parametrize("stream", [False, True])
def test_a_recording_gives_the_same_answers_again(body, tmp_path, stream):
    file = tmp_path / "recorded.yaml"
    asked = [body("Working directory: /repo", stream=stream)] * 6

    first, _ = asyncio.run(recorded(scenario(ALL_KINDS), file, asked))
    again = asyncio.run(replayed(file, asked))

    if stream:
        assert [answer and answer.status_code for answer in first] == [200, 200, 200, 529, None, 200]
    else:
        assert contents(first) == contents(again)
        assert [answer.json()["usage"] for answer in first if answer and answer.is_success] == [
            answer.json()["usage"] for answer in again if answer and answer.is_success
        ]
        assert again[1].json()["model"] == "claude-haiku-5-5-served"
        assert again[1].json()["stop_reason"] == "max_tokens"
    assert [answer and answer.status_code for answer in first] == [answer and answer.status_code for answer in again]
    assert again[3].headers["retry-after"] == "2"


def test_what_was_streamed_is_recorded_as_what_was_plain(body, tmp_path):
    plain, streamed = tmp_path / "plain.yaml", tmp_path / "streamed.yaml"
    upstream = scenario(ALL_KINDS)

    asyncio.run(recorded(upstream, plain, [body("Working directory: /repo")] * 3))
    asyncio.run(recorded(upstream, streamed, [body("Working directory: /repo", stream=True)] * 3))

    said = [
        [(turn.say, turn.calls, turn.content) for turn in load_scenario(f).rules[0].turns] for f in (plain, streamed)
    ]
    assert said[0] == said[1]


def test_a_recording_can_be_replayed_in_another_folder(body, tmp_path):
    file = tmp_path / "recorded.yaml"
    rules = '  - turns: [{calls: [{tool: Read, input: {file_path: "{cwd}/x"}}]}]\n'

    asyncio.run(recorded(scenario(rules), file, [body("Working directory: /one")]))
    (answer,) = asyncio.run(replayed(file, [body("Working directory: /two")]))

    assert answer.json()["content"][0]["input"] == {"file_path": "/two/x"}


def test_every_credential_reaches_the_upstream_and_none_the_disk(body, tmp_path):
    async def tell_headers(http: Request) -> JSONResponse:
        said = f"{dict(http.headers)} {CANARIES}"
        call = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": said, "env": {said: said}}}
        return JSONResponse({"model": "m", "content": [call], "stop_reason": "tool_use", "usage": {}})

    async def story():
        upstream = Loopback(Starlette(routes=[Route("/v1/messages", tell_headers, methods=["POST"])]), port=0)
        async with upstream, Recorder(upstream.base_url, tmp_path / "r.yaml") as recorder:
            return await ask(recorder.base_url, [body(" ".join(CANARIES))] * 2)

    first, _ = asyncio.run(story())

    told = first.json()["content"][0]["input"]["command"].partition("(")[0]
    assert all(canary in told for canary in CANARIES[:3])
    (file,) = tmp_path.iterdir()
    assert not [canary for canary in CANARIES if canary in file.read_text()]
    assert "[redacted: " in file.read_text()


def test_conversations_with_the_same_labels_are_told_apart_by_a_line_of_their_own(body, tmp_path):
    file = tmp_path / "recorded.yaml"
    asked = [body(f"Working directory: /repo\nAnswer briefly.\nQuestion {n} (why?)") for n in (1, 2)]
    rules = "  - {when: {last: Question 1}, turns: [{say: one}]}\n  - {turns: [{say: two}]}\n"

    asyncio.run(recorded(scenario(rules), file, asked))
    again = asyncio.run(replayed(file, asked[::-1]))

    assert [answer.json()["content"][0]["text"] for answer in again] == ["two", "one"]


def test_requests_without_labels_are_recorded_by_their_model(body, tmp_path):
    file = tmp_path / "recorded.yaml"

    asyncio.run(recorded(scenario("  - turns: [{say: a}]\n"), file, [body()], headers={}))

    assert load_scenario(file).rules[0].when.model.pattern == r"^claude\-haiku\-5\-5$"


def test_an_upstream_that_cannot_be_reached_is_a_502_and_nothing_is_written(body, tmp_path):
    async def story():
        async with Recorder("http://127.0.0.1:9", tmp_path / "r.yaml") as recorder:
            return await ask(recorder.base_url, [body()])

    (answer,) = asyncio.run(story())

    assert answer.status_code == 502
    assert "http://127.0.0.1:9 cannot be reached" in answer.json()["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_long_run_fits_into_a_recording(body, tmp_path):
    file = tmp_path / "recorded.yaml"
    long = f"  - turns: [{{say: '{'tea ' * 40_000}'}}, {{say: '{'time ' * 40_000}'}}]\n"

    asyncio.run(recorded(scenario(long), file, [body()] * 2))

    assert file.stat().st_size > 300_000
    assert len(load_scenario(file).rules[0].turns) == 2


@pytest.mark.cli
def test_a_session_of_claude_code_recorded_and_replayed_does_the_same_work(claude, tmp_path):
    labels = {"run": "r1", "subtask": "a", "agent": "execute", "tier": "haiku", "attempt": "1"}
    file, target = tmp_path / "recorded.yaml", claude.cwd / "x.py"
    edit = "{tool: Edit, input: {file_path: '{cwd}/x.py', old_string: old, new_string: new}}"
    rules = f"  - turns: [{{say: Reading., calls: [{{tool: Read, input: {{file_path: '{{cwd}}/x.py'}}}}]}}, {{calls: [{edit}]}}, {{answer: {{done: true}}}}]\n"

    async def record():
        async with ReplayServer(scenario(rules)) as server, Recorder(server.base_url, file) as recorder:
            return await claude.session(recorder.base_url, "Rename old to new.", labels)

    async def replay():
        async with ReplayServer(load_scenario(file)) as server:
            return await claude.session(server.base_url, "Rename old to new.", labels), server.unmatched

    target.write_text("old = 1\n")
    first = asyncio.run(record())
    target.write_text("old = 1\n")
    second, unmatched = asyncio.run(replay())

    assert first.structured_output == second.structured_output == {"done": True}
    assert first.total_cost_usd == pytest.approx(second.total_cost_usd)
    assert target.read_text() == "new = 1\n"
    assert unmatched == []
    assert "CANARY" not in file.read_text()
