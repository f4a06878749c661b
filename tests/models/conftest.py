"""A linked git worktree, a session request for it, and sessions of the real CLI against the replay server."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.tiers import Tier
from agentflow.models.session import Denial, Endpoint, Progress, SessionRequest, SessionResult
from agentflow.replay.request import ReplayRequest

SCHEMA = {
    "type": "object",
    "properties": {"status": {"enum": ["done", "blocked"]}, "summary": {"type": "string"}},
    "required": ["status", "summary"],
    "additionalProperties": False,
}
KEY = "sk-ant-CANARY"


@dataclass(frozen=True)
class Played:
    """What came of a session: its result, the progress told, the requests on the wire."""

    result: SessionResult
    progress: list[Progress]
    requests: list[ReplayRequest]

    def tool_results(self) -> list[str]:
        """The text of every tool result the model was sent, in order."""
        return [str(found.get("content")) for request in self.requests for found in request.tool_results]

    def denial(self, argument: str) -> Denial:
        return next(denial for denial in self.result.denials if argument in denial.argument)


@dataclass(frozen=True)
class Bench:
    """A worktree, a private folder, and a runner that plays turns."""

    worktree: Path
    request: SessionRequest

    def play(
        self,
        turns: Sequence[Mapping[str, Any]],
        request: SessionRequest | None = None,
        env: Mapping[str, str] | None = None,
        key: str | None = KEY,
    ) -> Played:
        return asyncio.run(self.playing(turns, request or self.request, env, key))

    async def playing(
        self,
        turns: Sequence[Mapping[str, Any]],
        request: SessionRequest,
        env: Mapping[str, str] | None = None,
        key: str | None = KEY,
    ) -> Played:
        from agentflow.models.claude_code import ClaudeCodeRunner
        from agentflow.replay.scenario import Scenario
        from agentflow.replay.server import ReplayServer

        progress: list[Progress] = []
        scenario = Scenario.model_validate({"name": "test", "rules": [{"times": "*", "turns": list(turns)}]})
        async with ReplayServer(scenario) as server:
            runner = ClaudeCodeRunner(Endpoint(base_url=server.base_url, api_key=key), env=env)
            result = await runner.run(request, progress.append)
        return Played(result, progress, server.requests)


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Real git without the machine's configuration."""
    identity = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **identity}

    def run(folder: Path, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True)
        return done.stdout

    return run


@pytest.fixture
def worktree(tmp_path: Path, git: Callable[..., str]) -> Path:
    """A linked worktree of a small repository."""
    repository = tmp_path / "repository"
    (repository / "src").mkdir(parents=True)
    (repository / "src" / "app.py").write_text("VALUE = 1\n")
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "start")
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "worktree"))
    return tmp_path / "worktree"


@pytest.fixture
def agent() -> Agent:
    """An executor with scoped Bash and free file tools."""
    return Agent(
        name="execute",
        description="Implements a subtask.",
        role=Role.EXECUTOR,
        tier=Tier.HAIKU,
        ladder=(Tier.HAIKU, Tier.SONNET),
        tools=("Read", "Grep", "Glob", "Edit", "Write", "Bash(pytest:*)", "Bash(git diff:*)"),
        prompt="You are a careful engineer.",
        limits=Limits(max_turns=12, budget_usd=1.0, timeout_s=60.0),
    )


@pytest.fixture
def session(tmp_path: Path, worktree: Path, agent: Agent) -> SessionRequest:
    """A session that may change `src`."""
    return SessionRequest(
        label=Label("run-1", "fix-value", "execute", Tier.HAIKU, 1),
        kind=CallKind.EXECUTE,
        agent=agent,
        model="claude-haiku-5-5",
        prompt="Set VALUE to 2.",
        schema=SCHEMA,
        cwd=worktree,
        private_dir=tmp_path / "private",
        write_scope=("src/**",),
        commands=("python3 -c pass",),
        idle_s=30.0,
    )


@pytest.fixture
def bench(worktree: Path, session: SessionRequest) -> Bench:
    return Bench(worktree, session)


@pytest.fixture
def with_agent() -> Callable[..., SessionRequest]:
    """A request with some fields of its agent changed."""

    def change(request: SessionRequest, **fields: Any) -> SessionRequest:
        return replace(request, agent=replace(request.agent, **fields))

    return change
