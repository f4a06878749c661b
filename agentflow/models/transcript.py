"""What a Claude Code session said: its messages turned into progress, priced requests and an ending."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    RateLimitEvent,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from agentflow.domain.calls import Request
from agentflow.models.decoder import count, number, table, text
from agentflow.models.file_tools import WRITES
from agentflow.models.guard import STRUCTURED_OUTPUT, GuardPolicy, decide, denial, own_name, subject
from agentflow.models.path_guard import OTHER_ENCODING
from agentflow.models.prices import PriceTable
from agentflow.models.session import (
    Denial,
    Denied,
    Observer,
    RequestFinished,
    Retrying,
    SessionRequest,
    ToolUsed,
    Unreadable,
)
from agentflow.models.usage import request_of

#: Tools that write the one file they name.
_WRITING = {"Edit": "file_path", "Write": "file_path", "NotebookEdit": "notebook_path", **WRITES}
_SYNTHETIC = "<synthetic>"
#: How Claude Code says that it does not write a file's encoding.
_ENCODING = re.compile(r"File is (not valid UTF-8|UTF-16[^.]{0,60}|UTF-32[^.]{0,60})")
#: Characters of what Claude Code itself tells a model beside our texts: its tools and its notes.
_OWN_WORDS = 20_000


@dataclass(slots=True)
class _Stream:
    """An answer that is being given; `said` are its characters so far."""

    id: str
    model: str
    usage: dict[str, Any]
    said: int = 0


class Transcript:
    """Listens to one session. `observe` is told what happens; the rest is read at the end."""

    def __init__(self, request: SessionRequest, policy: GuardPolicy, observe: Observer, prices: PriceTable) -> None:
        self._policy = policy
        self._model = request.model
        self._sent = sum(map(len, (*request.standing_texts, request.prompt))) + _OWN_WORDS
        self._refused: set[str] = set()
        self._observe = observe
        self._prices = prices
        self._started: float | None = None
        self._open_stream: _Stream | None = None
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
        self.last_words = ""
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

    def odd(self, what: str) -> None:
        """Something of the session could not be understood."""
        self._observe(Unreadable(what))

    @property
    def counted_usd(self) -> float:
        """What the session has cost so far, by our own estimate where its usage is not told."""
        return sum(request.counted_usd for request in self.requests)

    def close(self) -> None:
        """Count a stream that broke off: the provider bills what it had begun."""
        if (stream := self._open_stream) is not None:
            self._count(stream.id, stream.model, stream.usage, stream.said)

    def _system(self, message: SystemMessage) -> None:
        data = message.data
        if message.subtype == "init":
            self.session_id = text(data.get("session_id")) or self.session_id
        elif message.subtype == "api_retry":
            self.retries += 1
            self._observe(Retrying(count(data.get("error_status")), (number(data.get("retry_delay_ms")) or 0) / 1000))
        elif message.subtype == "background_tasks_changed":
            tasks = data.get("tasks")
            self._background = tasks if isinstance(tasks, list) else []

    def _stream(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                self.close()
                begun = table(event.get("message"))
                usage = table(begun.get("usage"))
                self._open_stream = _Stream(text(begun.get("id")), text(begun.get("model")), usage)
            case "content_block_start" if self.ttft_s is None and self._started is not None:
                self.ttft_s = time.monotonic() - self._started
            case "content_block_delta" if self._open_stream is not None:
                self._open_stream.said += sum(map(len, filter(None, map(text, table(event.get("delta")).values()))))
            case "message_delta" if self._open_stream is not None:
                self._open_stream.usage |= {k: v for k, v in table(event.get("usage")).items() if v is not None}
            case "message_stop":
                self.close()

    def _assistant(self, message: AssistantMessage) -> None:
        if message.error:
            self.error_word = message.error
        if message.model != _SYNTHETIC and message.message_id and not self._is_streaming(message.message_id):
            # An answer without a stream: the CLI's fallback request, whose usage is complete.
            self._count(message.message_id, message.model, message.usage or {}, sum(map(_length, message.content)))
        said = [block.text for block in message.content if isinstance(block, TextBlock)]
        self.last_words = "".join(said) or self.last_words
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._tool_use(block)
            self._sent += _length(block)

    def _tool_use(self, block: ToolUseBlock) -> None:
        if block.name == STRUCTURED_OUTPUT:
            self.late_output = block.input
            return
        self._open_tools[block.id] = block
        self._observe(ToolUsed(own_name(block.name), subject(block.name, block.input, self._policy.cwd)))

    def _tool_results(self, message: UserMessage) -> None:
        results = [] if isinstance(message.content, str) else message.content
        for block in (block for block in results if isinstance(block, ToolResultBlock)):
            self._sent += _length(block)
            used = self._open_tools.pop(block.tool_use_id, None)
            if used and block.is_error:
                self._failed(used, str(block.content))
            elif used and (field := _WRITING.get(own_name(used.name))):
                self._wrote(text(used.input.get(field)))

    def _failed(self, used: ToolUseBlock, said: str) -> None:
        """Some calls fail before the guard is asked: tools that do not exist, paths below a file. Others after it."""
        if isinstance(verdict := decide(used.name, used.input, self._policy), Denial):
            self.denied(verdict, used.id)
        elif used.name in _WRITING and (found := _ENCODING.search(said)):
            reason = f"{OTHER_ENCODING}; {found[0]}"
            self.denied(denial(used.name, used.input, self._policy.cwd, reason), used.id)

    def _wrote(self, named: str) -> None:
        cwd = self._policy.cwd
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # links in circles, a place outside
            self.written[(cwd / named).resolve().relative_to(cwd).as_posix()] = None

    def _end(self, message: ResultMessage) -> None:
        self.result = message
        self.session_id = message.session_id or self.session_id
        for reported in message.permission_denials or []:
            tool, arguments = text(reported.get("tool_name")), table(reported.get("tool_input"))
            refused = denial(tool, arguments, self._policy.cwd, "Claude Code's permissions refuse it")
            self.denied(refused, text(reported.get("tool_use_id")))

    def _is_streaming(self, message_id: str) -> bool:
        return message_id in self._counted or (self._open_stream is not None and self._open_stream.id == message_id)

    def _count(self, message_id: str, model: str, usage: Mapping[str, Any], said: int) -> None:
        self._open_stream = None
        self._counted.add(message_id)
        request = request_of(model or self._model, usage, self._prices.price, sent=self._sent, said=said)
        self.requests.append(request)
        self._observe(RequestFinished(request))


def _length(block: object) -> int:
    """The characters of a block of content, about."""
    match block:
        case TextBlock():
            return len(block.text)
        case ThinkingBlock():
            return len(block.thinking)
        case ToolUseBlock():
            return len(str(block.input))
        case ToolResultBlock():
            return len(str(block.content))
        case _:
            return 0
