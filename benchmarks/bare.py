"""Sessions with nothing around them, for `overhead.py`: `query()` for every line on stdin, `parallel` at a time.

Each line is a JSON object `{"cwd", "private_dir", "prompt", "subtask"}`. Agent, model, tools, sandbox and guard are
those that agentflow gives its executors; what is left out is everything agentflow does around a session.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query

from agentflow.checks.sandbox import bubblewrap_works
from agentflow.config.agents import load_agents
from agentflow.config.answers import AttemptAnswer, schema_of
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.tiers import Tier
from agentflow.models.guard import GuardPolicy
from agentflow.models.launch import bundled_cli, cli_environment, dropped_variables, launcher, real_home
from agentflow.models.login import find_login
from agentflow.models.options import session_options
from agentflow.models.sandbox import sandbox_settings
from agentflow.models.session import Endpoint, SandboxMode, SessionRequest

MODEL = "claude-haiku-5-5"


async def explore(questions: Sequence[str]) -> str:
    return f"nothing is known about {len(questions)} questions"


def session_request(order: dict[str, str]) -> SessionRequest:
    agent = load_agents(None)["execute"]
    return SessionRequest(
        label=Label("bare", order["subtask"], agent.name, Tier.HAIKU, 1),
        kind=CallKind.EXECUTE,
        agent=agent,
        model=MODEL,
        prompt=order["prompt"],
        schema=schema_of(AttemptAnswer),
        cwd=Path(order["cwd"]),
        private_dir=Path(order["private_dir"]),
        write_scope=("**",),
        sandbox=SandboxMode.SANDBOXED if bubblewrap_works() else SandboxMode.GUARDED,
        explore=explore,
    )


def options_of(request: SessionRequest) -> ClaudeAgentOptions:
    env = cli_environment(request, Endpoint(), find_login(os.environ), os.environ)
    (request.private_dir / "home").mkdir(parents=True, exist_ok=True)
    sandbox = None
    if request.sandbox is SandboxMode.SANDBOXED:
        sandbox = sandbox_settings(request.cwd, request.private_dir, real_home(os.environ), os.environ)
    return session_options(
        request,
        GuardPolicy.of(request),
        cli=launcher(bundled_cli(), dropped_variables(os.environ, env), request.private_dir),
        env=env,
        sandbox=sandbox,
        denied=lambda denial, _: sys.exit(f"denied: {denial}"),
        stderr=lambda _: None,
    )


async def converse(order: dict[str, str], limit: asyncio.Semaphore) -> None:
    request = session_request(order)
    async with limit:
        async for message in query(prompt=request.prompt, options=options_of(request)):
            if isinstance(message, ResultMessage) and message.structured_output is None:
                sys.exit(f"no answer: {message}")


async def main(parallel: int) -> None:
    limit = asyncio.Semaphore(parallel)
    await asyncio.gather(*(converse(json.loads(line), limit) for line in sys.stdin))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
