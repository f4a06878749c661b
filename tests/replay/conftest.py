"""Drives the bundled Claude Code CLI against a replay server, isolated from the machine's own configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SCHEMA = {"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]}


@dataclass(frozen=True)
class Claude:
    """One worktree and one private home for the CLI."""

    cwd: Path
    home: Path

    async def session(self, base_url: str, prompt: str, labels: Mapping[str, str] | None = None, **options: Any) -> Any:
        """The result message of one session."""
        from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage

        async with ClaudeSDKClient(ClaudeAgentOptions(**self._options(base_url, labels or {}, options))) as client:
            await client.query(prompt)
            results = [m async for m in client.receive_response() if isinstance(m, ResultMessage)]
        return results[-1]

    def _options(self, base_url: str, labels: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
        own_headers = "\n".join(f"X-Agentflow-{name.title()}: {value}" for name, value in labels.items())
        environment = {
            "ANTHROPIC_BASE_URL": base_url,
            "ANTHROPIC_API_KEY": "sk-ant-CANARY",
            "ANTHROPIC_AUTH_TOKEN": "",
            "ANTHROPIC_CUSTOM_HEADERS": own_headers,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "CLAUDE_CONFIG_DIR": str(self.home / "claude"),
            "HOME": str(self.home),
        }
        isolation = {
            "setting_sources": [],
            "strict_mcp_config": True,
            "extra_args": {"restricted": None},
            "verbatim_prompts": True,
        }
        work = {
            "cwd": self.cwd,
            "model": "claude-haiku-5-5",
            "tools": ["Read", "Edit", "Write"],
            "permission_mode": "acceptEdits",
            "system_prompt": "You are a careful engineer.",
            "output_format": {"type": "json_schema", "schema": SCHEMA},
        }
        return {"env": environment, **isolation, **work, **options}


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    """Claude Code in an empty worktree."""
    for folder in ("work", "home"):
        (tmp_path / folder).mkdir()
    return Claude(tmp_path / "work", tmp_path / "home")


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """Builds the body of a Messages API request with one user message."""

    def build(text: str = "hello", **fields: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": messages, **fields}

    return build
