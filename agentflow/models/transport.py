"""The SDK's way to the CLI, but for how it listens: nothing that the CLI writes ends a session by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, CLIConnectionError, ProcessError
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport

from agentflow.models.decoder import Lines, message_of


class CliTransport(SubprocessCLITransport):
    """`odd` is told what could not be understood. The SDK's own reader raises on it, and its version is pinned."""

    def __init__(self, options: ClaudeAgentOptions, odd: Callable[[str], None]) -> None:
        super().__init__(_no_prompt(), options)
        self._odd = odd

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[dict[str, Any]]:
        process = self._process
        if process is None or process.stdout is None:
            raise CLIConnectionError("Not connected")
        lines = Lines()
        async for piece in process.stdout:
            for line in lines.push(piece):
                message, odd = message_of(line)
                if odd:
                    self._odd(odd)
                if message is not None:
                    yield message
        if code := await process.wait():
            self._exit_error = ProcessError(f"Command failed with exit code {code}", code)
            raise self._exit_error


async def _no_prompt() -> AsyncIterator[dict[str, Any]]:
    """Prompts are sent when the session is up."""
    return
    yield {}
