"""Lines that no reader expects, between those of the real CLI: they cost nothing but themselves."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

import pytest

from agentflow.domain.attempts import FailureKind
from agentflow.models.launch import bundled_cli
from agentflow.models.session import Unreadable

pytestmark = pytest.mark.cli

DONE = {"status": "done", "summary": "all good"}
SILENT = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}

#: Writes odd lines before the first answer, and spoils the result where it is told to.
_BETWEEN = """#!{python}
import subprocess, sys
cli = subprocess.Popen([{cli!r}, *sys.argv[1:]], stdout=subprocess.PIPE, pass_fds=(3,))
out, odd = sys.stdout.buffer, {odd!r}
for line in cli.stdout:
    if odd and line.startswith(b'{{"type":"assistant"'):
        out.write(odd)
        out.write(b'{{"type":"assistant","message":"' + b"x" * (65 << 20) + b'"}}\\n')
        odd = b""
    if {spoils!r} and b'"type":"result"' in line:
        line = line[:60] + b"\\xff\\n"
    out.write(line)
    out.flush()
sys.exit(cli.wait())
"""
ODD = (
    b'\xff\xfe\n{"type":"assistant","mess\xffage":\n[1,2]\nnull\n{"type":7}\n{"type":"user","message":null}\n'
    b'{"type":"system","subtype":["x"],"tasks":3}\n'
)


@pytest.fixture
def play_through(bench, tmp_path):
    """Plays turns through a CLI whose output is meddled with."""

    def play(*turns, spoils=False, **changes):
        from agentflow.models.claude_code import ClaudeCodeRunner
        from agentflow.models.session import Endpoint
        from agentflow.replay.scenario import Scenario
        from agentflow.replay.server import ReplayServer

        cli = tmp_path / "claude"
        cli.write_text(_BETWEEN.format(python=sys.executable, cli=str(bundled_cli()), odd=ODD, spoils=spoils))
        cli.chmod(0o755)
        progress = []

        async def scene():
            scenario = Scenario.model_validate({"name": "odd", "rules": [{"times": "*", "turns": list(turns)}]})
            async with ReplayServer(scenario) as server:
                runner = ClaudeCodeRunner(Endpoint(base_url=server.base_url, api_key="sk-ant-CANARY"), cli=cli)
                return await runner.run(replace(bench.request, **changes), progress.append), len(server.requests)

        result, asked = asyncio.run(scene())
        return result, asked, [one.what for one in progress if isinstance(one, Unreadable)]

    return play


def test_odd_lines_and_a_message_without_end_are_told_and_the_session_goes_on(play_through):
    turn = {"content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": ["src/app.py"]}]}
    result, asked, told = play_through(turn, {"answer": DONE})
    assert (result.failure, result.output, asked) == (None, DONE, 2)
    assert [request.cost_usd is not None for request in result.requests] == [True, True]
    assert any(what.startswith("over 64 MiB") for what in told)
    assert any(what.startswith("no JSON") for what in told)


def test_an_answer_counts_although_the_end_of_its_session_cannot_be_read(play_through):
    result, asked, told = play_through({"answer": DONE}, spoils=True)
    assert (result.failure, result.output, asked) == (None, DONE, 1)
    assert len(result.requests) == 1
    assert any("duration_api_ms" in what for what in told)


@pytest.mark.parametrize("wrapped", [{"answer": DONE}, {"output": [DONE]}])
def test_a_wrapped_answer_ends_the_session_at_once(bench, wrapped):
    played = bench.play([{"answer": wrapped}] * 6)
    assert (played.result.failure, played.result.output, len(played.requests)) == (None, DONE, 1)


def test_a_cap_holds_where_the_gateway_tells_no_usage(bench):
    look = {"calls": [{"tool": "Glob", "input": {"pattern": "**"}}], "usage": SILENT, "delay": 0.3}
    played = bench.play([look] * 11, replace(bench.request, budget_usd=0.001))
    assert played.result.failure.kind is FailureKind.LIMIT
    assert "by our own estimate" in played.result.failure.reason
    assert all(request.cost_usd is None and request.estimate_usd > 0 for request in played.result.requests)
    assert len(played.requests) < 11
