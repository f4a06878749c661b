"""A model request as the replay sees it: whose it is, what it offers, what was said last."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow.replay.redact import redact, safe_headers

LABELS = ("run", "subtask", "agent", "tier", "attempt")
#: The tool through which Claude Code returns structured output.
STRUCTURED_OUTPUT = "StructuredOutput"
_SESSION_HEADER = "x-claude-code-session-id"
_SUBAGENT_HEADER = "x-claude-code-agent-id"
_CWD = re.compile(r"^[ \t-]*(?:primary )?working directory: (/.*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """One POST to /v1/messages.

    `labels` are the X-Agentflow-* headers by their last word (absent ones are missing), `headers` the others without
    credentials, `at` Unix seconds, `answered_by` the place in the scenario (`rules[0].turns[1]`) or None.
    """

    labels: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    at: float
    answered_by: str | None = None

    @classmethod
    def parse(cls, headers: Mapping[str, str], content: bytes, at: float) -> ReplayRequest | None:
        """From HTTP headers (lower-case names) and content; None when the content is no request for a message."""
        try:
            body = json.loads(content)
        except ValueError:
            return None
        return cls.read(headers, body, at) if _is_request(body) else None

    @classmethod
    def read(cls, headers: Mapping[str, str], body: Mapping[str, Any], at: float) -> ReplayRequest:
        """From HTTP headers (lower-case names) and a valid body."""
        labels = {label: headers[name] for label in LABELS if (name := f"x-agentflow-{label}") in headers}
        return cls(labels=labels, headers=safe_headers(headers), body=body, at=at)

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(tool.get("name", tool.get("type", "?")) for tool in self.body.get("tools") or ())

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        return self.body.get("messages") or ()

    @property
    def system(self) -> str:
        """The system prompt and the system messages Claude Code puts between the turns."""
        later = (message["content"] for message in self.messages if message["role"] == "system")
        return "\n".join(map(text_of, (self.body.get("system"), *later)))

    @property
    def last_text(self) -> str:
        """What the last user message says, tool results included, Claude Code's reminders left out."""
        return text_of(self._last_user_blocks)

    @property
    def tool_results(self) -> tuple[Mapping[str, Any], ...]:
        """The tool results in the last user message."""
        return tuple(block for block in self._last_user_blocks if block["type"] == "tool_result")

    @property
    def session(self) -> str:
        """Claude Code's session id; for direct requests a digest of how the conversation began."""
        return self.headers.get(_SESSION_HEADER) or hashlib.sha256(self.opening_text.encode()).hexdigest()[:16]

    @property
    def subagent(self) -> str:
        """The id of the session's sub-agent that asks, empty for the session itself."""
        return self.headers.get(_SUBAGENT_HEADER, "")

    @property
    def opening_text(self) -> str:
        """The first user message."""
        return next((text_of(_blocks(message)) for message in self.messages if message["role"] == "user"), "")

    @property
    def conversation(self) -> tuple[str, ...]:
        """What tells one conversation from another: the labels, the session, and which sub-agent of it speaks."""
        return (*(self.labels.get(label, "") for label in LABELS), self.session, self.subagent)

    @property
    def round(self) -> int:
        """1 until the conversation has given an accepted structured answer, then 2, and so on."""
        calls, refused = set(), set()
        for block in (block for message in self.messages for block in _blocks(message)):
            if block["type"] == "tool_use" and block["name"] == STRUCTURED_OUTPUT:
                calls.add(block["id"])
            if block["type"] == "tool_result" and block.get("is_error"):
                refused.add(block["tool_use_id"])
        return 1 + len(calls - refused)

    @property
    def cwd(self) -> str | None:
        """The working directory Claude Code states, or else agentflow's line `Working directory: /path`."""
        if stated := _CWD.findall(self.system):
            return str(stated[-1])
        prompted = _CWD.search("\n".join(self._user_texts()))
        return prompted[1] if prompted else None

    def as_json(self) -> dict[str, Any]:
        """For the log, redacted."""
        said = {"system": self.system, "messages": self.messages, "last_text": self.last_text}
        about = {"at": self.at, "labels": self.labels, "session": self.session, "answered_by": self.answered_by}
        return {**about, "model": self.model, "tools": self.tools, "headers": self.headers, **redact(said)}

    def searchable(self) -> str:
        """The whole body as JSON text."""
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def _last_user_blocks(self) -> list[Mapping[str, Any]]:
        return next((_blocks(message) for message in reversed(self.messages) if message["role"] == "user"), [])

    def _user_texts(self) -> Iterator[str]:
        for message in self.messages:
            if message["role"] == "user":
                yield from (block["text"] for block in _blocks(message) if block["type"] == "text")


def text_of(content: Any) -> str:
    """The text in a content value of any shape: a string, blocks, tool results with blocks."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        return content.get("text") or text_of(content.get("content"))
    return "\n".join(map(text_of, content or ()))


def _is_request(body: Any) -> bool:
    messages = body.get("messages") if isinstance(body, dict) else None
    return isinstance(messages, list) and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in messages)


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [block for block in blocks if not str(block.get("text", "")).startswith("<system-reminder>")]
