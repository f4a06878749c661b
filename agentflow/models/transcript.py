"""What a Claude Code session said: its messages turned into progress, priced requests and an ending."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from agentflow.domain.calls import Request
from agentflow.models.guard import STRUCTURED_OUTPUT, GuardPolicy, decide, denial, own_name, subject
from agentflow.models.prices import PriceTable
from agentflow.models.session import Denial, Denied, Observer, RequestFinished, Retrying, ToolUsed
from agentflow.models.usage import tokens_of

#: Tools that write the one file they name.
_WRITING = frozenset({"Edit", "Write"})
_SYNTHETIC = "<synthetic>"


class Transcript:
    """Listens to one session. `observe` is told what happens; the rest is read at the end."""

    def __init__(self, policy: GuardPolicy, observe: Observer, prices: PriceTable) -> None:
        self._policy = policy
        self._refused: set[str] = set()
        self._observe = observe
        self._prices = prices
        self._started: float | None = None
        self._open_stream: tuple[str, str, dict[str, Any]] | None = None
        self._counted: set[str] = set()
        self._open_tools: dict[str, ToolUseBlock] = {}
        self._background: list[Any] = []
        self._last_heard = time.monotonic()
        self.requests: list[Request] = []
        self.denials: list[Denial] = []
        self.written: dict[str, None] = {}
        self.session_id: str | None = None
        self.ttft_s: float | None = None
        self.retries = 0
        self.error_word = ""
        self.late_output: Mapping[str, Any] | None = None
        self.resets_at: float | None = None
        self.result: ResultMessage | None = None

    @property
    def finished(self) -> bool:
        """A result came, and nothing is left running that could bring another one."""
        if self.result is None:
            return False
        return self.result.is_error or self.result.structured_output is not None or not self._background

    @property
    def has_started(self) -> bool:
        """The CLI is up and was given its prompt."""
        return self._started is not None

    @property
    def silent_s(self) -> float:
        """How long the model has been silent, in seconds: 0 before the prompt and while a tool runs.

        A tool's silence is bounded by the wall clock alone.
        """
        if not self.has_started or self._open_tools:
            return 0.0
        return time.monotonic() - self._last_heard

    def start(self) -> None:
        """The prompt goes out now: time to first token counts from here."""
        self._started = self._last_heard = time.monotonic()

    def denied(self, refused: Denial, tool_use: str) -> None:
        """Record a refusal, once however many report it."""
        if tool_use not in self._refused:
            self._refused.add(tool_use)
            self.denials.append(refused)
            self._observe(Denied(refused))

    def hear(self, message: object) -> None:
        """Take one message of the session."""
        self._last_heard = time.monotonic()
        match message:
            case StreamEvent():
                self._stream(message.event)
            case AssistantMessage():
                self._assistant(message)
            case UserMessage():
                self._tool_results(message)
            case ResultMessage():
                self._end(message)
            case RateLimitEvent() if message.rate_limit_info.status == "rejected":
                self.resets_at = message.rate_limit_info.resets_at
            case SystemMessage():
                self._system(message)

    def close(self) -> None:
        """Count a stream that broke off: the provider bills what it had begun."""
        if self._open_stream is not None:
            self._count(*self._open_stream)

    def _system(self, message: SystemMessage) -> None:
        data = message.data
        if message.subtype == "init":
            self.session_id = data.get("session_id")
        elif message.subtype == "api_retry":
            self.retries += 1
            self._observe(Retrying(data.get("error_status"), (data.get("retry_delay_ms") or 0) / 1000))
        elif message.subtype == "background_tasks_changed":
            self._background = data.get("tasks") or []

    def _stream(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                self.close()
                started = event["message"]
                self._open_stream = (started["id"], started["model"], dict(started.get("usage") or {}))
            case "content_block_start" if self.ttft_s is None and self._started is not None:
                self.ttft_s = time.monotonic() - self._started
            case "message_delta" if self._open_stream is not None:
                self._open_stream[2].update({k: v for k, v in (event.get("usage") or {}).items() if v is not None})
            case "message_stop":
                self.close()

    def _assistant(self, message: AssistantMessage) -> None:
        if message.error:
            self.error_word = message.error
        if message.model != _SYNTHETIC and message.message_id and not self._is_streaming(message.message_id):
            # An answer without a stream: the CLI's fallback request, whose usage is complete.
            self._count(message.message_id, message.model, message.usage or {})
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._tool_use(block)

    def _tool_use(self, block: ToolUseBlock) -> None:
        if block.name == STRUCTURED_OUTPUT:
            self.late_output = block.input
            return
        self._open_tools[block.id] = block
        self._observe(ToolUsed(own_name(block.name), subject(block.name, block.input, self._policy.cwd)))

    def _tool_results(self, message: UserMessage) -> None:
        results = [] if isinstance(message.content, str) else message.content
        for block in (block for block in results if isinstance(block, ToolResultBlock)):
            used = self._open_tools.pop(block.tool_use_id, None)
            if used and block.is_error:
                self._failed(used)
            elif used and used.name in _WRITING:
                self._wrote(str(used.input.get("file_path", "")))

    def _failed(self, used: ToolUseBlock) -> None:
        """Some calls fail before the guard is asked: tools that do not exist, paths below a file."""
        if isinstance(verdict := decide(used.name, used.input, self._policy), Denial):
            self.denied(verdict, used.id)

    def _wrote(self, named: str) -> None:
        cwd = self._policy.cwd
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # links in circles, a place outside
            self.written[(cwd / named).resolve().relative_to(cwd).as_posix()] = None

    def _end(self, message: ResultMessage) -> None:
        self.result = message
        self.session_id = message.session_id
        for reported in message.permission_denials or []:
            tool, arguments = reported["tool_name"], reported.get("tool_input") or {}
            refused = denial(tool, arguments, self._policy.cwd, "Claude Code's permissions refuse it")
            self.denied(refused, reported["tool_use_id"])

    def _is_streaming(self, message_id: str) -> bool:
        return message_id in self._counted or (self._open_stream is not None and self._open_stream[0] == message_id)

    def _count(self, message_id: str, model: str, usage: Mapping[str, Any]) -> None:
        self._open_stream = None
        self._counted.add(message_id)
        tokens = tokens_of(usage)
        request = Request(model, tokens, self._prices.price(model, tokens))
        self.requests.append(request)
        self._observe(RequestFinished(request))
