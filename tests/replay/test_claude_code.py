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
