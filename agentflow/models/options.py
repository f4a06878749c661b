"""The Claude Code session of a request: everything closed that is not asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from claude_agent_sdk import ClaudeAgentOptions, HookMatcher, create_sdk_mcp_server

from agentflow.config.machine import write_private
from agentflow.domain.agents import OWN_TOOLS
from agentflow.domain.tiers import Tier
from agentflow.models.explore_tool import SERVER, explore_tool
from agentflow.models.file_tools import server_tools
from agentflow.models.guard import GuardPolicy, pre_tool_use
from agentflow.models.session import Denial, SessionRequest

#: argv holds at most 128 KiB per argument; a longer system prompt travels in a file.
_ARGUMENT_BYTES = 100_000
_GUARD_TIMEOUT_S = 30.0


def session_options(
    request: SessionRequest,
    policy: GuardPolicy,
    *,
    cli: Path,
    env: dict[str, str],
    sandbox: dict[str, Any] | None,
    helpers: Mapping[str, str],
    denied: Callable[[Denial, str], None],
    stderr: Callable[[str], None],
) -> ClaudeAgentOptions:
    """Options for one session: no settings, hooks, MCP servers or memory but ours, and the guard before every tool.

    `helpers`: commands that the CLI asks for logins, by the setting that names them.
    """
    agent = request.agent
    own = _own_tools(request, policy)
    allowed = [*(f"mcp__{SERVER}__{tool.name}" for tool in own), *(n for n in agent.tool_names if n == "WebFetch")]
    return ClaudeAgentOptions(
        cwd=request.cwd,
        cli_path=cli,
        env=env,
        stderr=stderr,
        model=request.model,
        effort=cast(Any, agent.effort),  # the agents' loader knows the levels
        system_prompt=_system_prompt("\n\n".join(request.standing_texts), request.private_dir),
        tools=[name for name in agent.tool_names if name not in OWN_TOOLS],
        allowed_tools=allowed,
        permission_mode="acceptEdits" if agent.may_write else "dontAsk",
        hooks={
            "PreToolUse": [
                HookMatcher(
                    hooks=[pre_tool_use(policy, denied)],
                    on_failure="block",
                    timeout=_GUARD_TIMEOUT_S,
                )
            ]
        },
        mcp_servers={SERVER: create_sdk_mcp_server(SERVER, tools=own)} if own else {},
        output_format={"type": "json_schema", "schema": dict(request.schema)},
        max_turns=agent.limits.max_turns,
        # Claude Code prices models it does not know like Opus, which would stop free local ones.
        max_budget_usd=None if request.label.tier is Tier.LOCAL else request.budget_usd,
        resume=request.resume,
        sandbox=cast(Any, sandbox),  # the SDK's type lacks keys that the CLI reads
        settings=json.dumps({"attribution": {"commit": "", "pr": ""}, **helpers}),
        setting_sources=[],
        strict_mcp_config=True,
        extra_args={"restricted": None},
        verbatim_prompts=True,
        max_buffer_size=64 << 20,
        include_partial_messages=True,
    )


def _own_tools(request: SessionRequest, policy: GuardPolicy) -> list[Any]:
    """Agentflow's own tools that the agent has, for the in-process MCP server."""
    names = request.agent.tool_names
    explore = [explore_tool(request.explore)] if "explore" in names and request.explore is not None else []
    return [*explore, *server_tools(policy.cwd, policy.write_scope, names)]


def _system_prompt(prompt: str, private_dir: Path) -> Any:
    data = prompt.encode()
    if len(data) <= _ARGUMENT_BYTES:
        return prompt
    path = private_dir / f"prompt-{hashlib.sha256(data).hexdigest()[:12]}.md"
    write_private(path, prompt)
    return {"type": "file", "path": str(path)}
