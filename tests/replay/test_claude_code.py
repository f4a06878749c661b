"""The real Claude Code CLI, answered by the replay server."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ReplayServer

pytestmark = pytest.mark.cli
EXECUTE = {"run": "r1", "subtask": "rename", "agent": "execute", "tier": "haiku", "attempt": "1"}

EDIT_AND_FIX = parse_scenario("""
name: edit and fix
rules:
  - when: {agent: execute, subtask: rename, tier: haiku, attempt: 1, tools: [Edit]}
    turns:
      - say: I will read the file first.
        calls: [{tool: Read, input: {file_path: "{cwd}/x.py"}}]
      - calls: [{tool: Edit, input: {file_path: "{cwd}/x.py", old_string: old, new_string: new}}]
      - answer: {done: true}
  - when: {agent: execute, round: 2, last: "AssertionError"}
    turns:
      - calls: [{tool: Edit, input: {file_path: "{cwd}/x.py", old_string: new, new_string: newest}}]
      - answer: {done: true}
""")


def test_a_scripted_conversation_edits_a_file_in_the_working_directory_and_its_fix_round_goes_on(claude):
    (claude.cwd / "x.py").write_text("old = 1\n")

    async def story():
        async with ReplayServer(EDIT_AND_FIX) as server:
            first = await claude.session(server.base_url, "Rename old to new.", EXECUTE)
            after_first = (claude.cwd / "x.py").read_text()
            second = await claude.session(server.base_url, "AssertionError: name", EXECUTE, resume=first.session_id)
            return server, first, after_first, second

    server, first, after_first, second = asyncio.run(story())

    assert first.structured_output == second.structured_output == {"done": True}
    assert after_first == "new = 1\n"
    assert (claude.cwd / "x.py").read_text() == "newest = 1\n"
    assert server.unmatched == []
    assert [request.answered_by for request in server.requests] == [
        "rules[0].turns[0]",
        "rules[0].turns[1]",
        "rules[0].turns[2]",
        "rules[1].turns[0]",
        "rules[1].turns[1]",
    ]
    assert [request.round for request in server.requests] == [1, 1, 1, 2, 2]
    assert {request.cwd for request in server.requests} == {str(claude.cwd)}
    assert dict(server.requests[0].labels) == EXECUTE


def play(claude, rules: str, prompt: str = "Go.", **options):
    """One session against the rules: its result and the server."""

    async def story():
        async with ReplayServer(parse_scenario(f"name: test\nrules:\n{rules}")) as server:
            return await claude.session(server.base_url, prompt, EXECUTE, **options), server

    return asyncio.run(story())


def test_a_rate_limit_is_retried_and_the_same_turn_answers(claude):
    fault = "{status: 429, headers: {retry-after: '1'}}"

    result, server = play(claude, f"  - turns: [{{answer: {{done: true}}, fault: {fault}}}]\n")

    assert result.structured_output == {"done": True}
    assert [request.answered_by for request in server.requests] == ["rules[0].turns[0]"] * 2


def test_a_stream_cut_in_the_middle_is_retried_and_its_tool_call_never_runs(claude):
    write = "{tool: Write, input: {file_path: '{cwd}/lost.txt', content: lost}}"

    result, server = play(
        claude, f"  - turns: [{{calls: [{write}], fault: {{drop: mid}}}}]\n  - turns: [{{answer: {{done: true}}}}]\n"
    )

    assert result.structured_output == {"done": True}
    assert [request.answered_by for request in server.requests] == ["rules[0].turns[0]"] * 2 + ["rules[1].turns[0]"]
    assert (claude.cwd / "lost.txt").read_text() == "lost"


def test_a_request_without_an_answer_ends_the_session_with_the_servers_words(claude):
    result, server = play(claude, "  - {when: {agent: plan}, turns: [{say: a}]}\n")

    assert result.is_error
    assert "no rule of the scenario answers this request" in result.result
    assert "agent=execute" in result.result
    assert {request.answered_by for request in server.unmatched} == {None}


def test_what_the_session_costs_comes_from_the_simulated_cache(claude):
    read = "{tool: Read, input: {file_path: '{cwd}/x.py'}}"
    (claude.cwd / "x.py").write_text("x = 1\n")

    result, _ = play(claude, f"  - turns: [{{calls: [{read}]}}, {{answer: {{done: true}}}}]\n")

    assert result.total_cost_usd > 0
    assert result.usage["cache_read_input_tokens"] > result.usage["input_tokens"]
    assert result.usage["cache_creation_input_tokens"] > 0


def test_parallel_sessions_with_the_same_labels_each_get_their_own_answers(claude):
    explore = {"run": "r1", "subtask": "-", "agent": "explore", "tier": "haiku", "attempt": "1"}
    for name in ("a", "b", "c"):
        (claude.cwd / f"{name}.py").write_text(f"{name} = 1\n")
    rules = "".join(
        f"  - when: {{agent: explore, last: 'look at {name}'}}\n"
        f"    turns: [{{calls: [{{tool: Read, input: {{file_path: '{{cwd}}/{name}.py'}}}}]}}, "
        f"{{answer: {{done: true, file: {name}}}}}]\n"
        for name in ("a", "b", "c")
    )

    async def story():
        async with ReplayServer(parse_scenario(f"name: explorers\nrules:\n{rules}")) as server:
            asked = [claude.session(server.base_url, f"Please look at {name}.", explore) for name in "cab"]
            return await asyncio.gather(*asked), server

    results, server = asyncio.run(story())

    assert [result.structured_output["file"] for result in results] == ["c", "a", "b"]
    assert server.unmatched == []
    for request in server.requests:
        if request.tool_results:
            assert f"look at {request.last_text.split()[1]}" in request.opening_text
