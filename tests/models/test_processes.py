"""Clocks, cancellation and death: nothing is ever left running."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.domain.agents import Limits
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.models.processes import despite_cancellation
from agentflow.models.session import Endpoint
from agentflow.replay.scenario import Scenario
from agentflow.replay.server import ThreadedReplay

SLEEPER = 'python3 -c "import time; time.sleep(97)"'
SLEEP = {"calls": [{"tool": "Bash", "input": {"command": SLEEPER}}]}
ANSWER = {"answer": {"status": "done", "summary": "all good"}}
linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found through /proc")


def started_by(private_dir):
    """Command lines of live processes whose environment names the session's private folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(private_dir).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [line for line in found if line]


async def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


@pytest.fixture
def sleeping(bench):
    """A request whose model starts a command that outlives every test."""
    return replace(bench.request, commands=(SLEEPER,))


def is_sleeping(request):
    return any("time.sleep(97)" in line and "claude" not in line for line in started_by(request.private_dir))


@pytest.mark.cli
@linux
def test_the_wall_clock_ends_the_session_and_its_commands(bench, sleeping, with_agent):
    request = with_agent(sleeping, limits=Limits(timeout_s=8.0))
    result = bench.play([SLEEP, ANSWER], request).result
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.QUALITY, Outcome.TIMEOUT)
    assert started_by(request.private_dir) == []
    assert len(result.requests) == 1
    assert result.cli_cost_usd == pytest.approx(result.requests[0].cost_usd)


@pytest.mark.cli
@linux
def test_silence_ends_the_session_as_transport(bench):
    request = replace(bench.request, idle_s=2.0)
    result = bench.play([{"fault": {"hang": 60, "where": "mid", "times": "*"}, **ANSWER}], request).result
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.TRANSPORT, Outcome.TRANSPORT)
    assert started_by(request.private_dir) == []


@pytest.mark.cli
def test_a_refused_connection_is_transport(bench):
    from agentflow.models.claude_code import ClaudeCodeRunner

    runner = ClaudeCodeRunner(Endpoint(base_url="http://127.0.0.1:9", api_key="sk-ant-CANARY"))
    result = asyncio.run(runner.run(bench.request, lambda _: None))
    assert result.failure.kind is FailureKind.TRANSPORT
    assert result.requests == ()


def test_a_cli_that_cannot_start_is_an_environment_failure_with_its_own_words(session):
    from agentflow.models.claude_code import ClaudeCodeRunner

    runner = ClaudeCodeRunner(Endpoint(api_key="sk-ant-CANARY"), cli=Path("/nowhere/claude"))
    result = asyncio.run(runner.run(session, lambda _: None))
    assert result.failure.kind is FailureKind.ENVIRONMENT
    assert "/nowhere/claude" in result.failure.reason


@pytest.mark.cli
@linux
@pytest.mark.parametrize("times", [1, 2])
def test_a_cancelled_session_leaves_no_process(bench, sleeping, times):
    async def scene():
        session = asyncio.create_task(bench.playing([SLEEP, ANSWER], sleeping))
        await until(lambda: is_sleeping(sleeping))
        for _ in range(times):
            session.cancel()
            await asyncio.sleep(0.01)
        with pytest.raises(asyncio.CancelledError):
            await session

    asyncio.run(scene())
    assert started_by(sleeping.private_dir) == []


@pytest.mark.cli
@linux
def test_a_session_cancelled_while_it_starts_leaves_no_process(bench):
    async def scene():
        session = asyncio.create_task(bench.playing([ANSWER], bench.request))
        await until(lambda: started_by(bench.request.private_dir))
        session.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session

    asyncio.run(scene())
    assert started_by(bench.request.private_dir) == []


PARENT = """
import asyncio, json, sys
from agentflow.domain.codec import decode
from agentflow.models.claude_code import ClaudeCodeRunner
from agentflow.models.session import Endpoint, SessionRequest
request, base_url = json.loads(sys.argv[1]), sys.argv[2]
runner = ClaudeCodeRunner(Endpoint(base_url=base_url, api_key="sk-ant-CANARY"))
asyncio.run(runner.run(decode(SessionRequest, request), lambda _: None))
"""


@pytest.mark.cli
@pytest.mark.skipif(sys.platform != "linux", reason="needs setpriv")
def test_killing_the_parent_ends_the_cli_and_its_commands(sleeping):
    from pydantic import TypeAdapter

    from agentflow.models.session import SessionRequest

    request = json.dumps(TypeAdapter(SessionRequest).dump_python(sleeping, mode="json"))
    scenario = Scenario.model_validate({"name": "kill", "rules": [{"times": "*", "turns": [SLEEP, ANSWER]}]})
    with ThreadedReplay(scenario) as server:
        parent = subprocess.Popen([sys.executable, "-c", PARENT, request, server.base_url])
        asyncio.run(until(lambda: is_sleeping(sleeping)))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        asyncio.run(until(lambda: not started_by(sleeping.private_dir)))
        assert len(server.requests) == 1


def test_work_is_finished_however_often_the_caller_is_cancelled():
    steps = []

    async def work():
        for step in range(3):
            await asyncio.sleep(0.01)
            steps.append(step)

    async def scene():
        task = asyncio.create_task(despite_cancellation(work()))
        for _ in range(5):
            await asyncio.sleep(0.001)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert steps == [0, 1, 2]
