"""The Messages API's words: turns as content blocks, messages as event streams, and back."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from agentflow.replay.request import STRUCTURED_OUTPUT, ReplayRequest
from agentflow.replay.scenario import Turn

JSON = dict[str, Any]
Event = tuple[str, JSON]
#: Error types by HTTP status, from Anthropic's error reference.
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_PIECE = 4000
#: `{cwd}` is filled in, `{{cwd}}` stands for those five characters.
_PLACEHOLDER = re.compile(r"\{\{(cwd|python)\}\}|\{(cwd|python)\}")


class Unanswerable(Exception):  # noqa: N818  not a failure of ours: the scenario asks for what the request cannot take
    """A turn that does not fit the request it should answer."""


class Renderer:
    """Turns to content blocks. Ids are counted, so that a replay gives the same ones again."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def content(self, turn: Turn, request: ReplayRequest) -> list[JSON]:
        """The blocks of a turn, placeholders filled in. Raises Unanswerable."""
        blocks = list(turn.content) if turn.content is not None else list(self._compose(turn, request))
        values = _values(blocks, request)
        return [_fill(block, values) for block in blocks]

    def _compose(self, turn: Turn, request: ReplayRequest) -> Iterator[JSON]:
        if turn.thinking is not None:
            yield {"type": "thinking", "thinking": turn.thinking, "signature": "replayed"}
        if turn.say is not None:
            yield {"type": "text", "text": turn.say}
        for call in turn.calls:
            yield self._tool_use(call.tool, call.input)
        if turn.answer is not None:
            yield self._answer(turn.answer, request)

    def _answer(self, answer: JSON, request: ReplayRequest) -> JSON:
        if STRUCTURED_OUTPUT in request.tools:
            return self._tool_use(STRUCTURED_OUTPUT, answer)
        if "format" in (request.body.get("output_config") or {}):
            return {"type": "text", "text": json.dumps(answer)}
        raise Unanswerable("the turn is a structured answer, but the request asks for none")

    def _tool_use(self, tool: str, tool_input: JSON) -> JSON:
        return {"type": "tool_use", "id": f"toolu_{next(self._ids):06d}", "name": tool, "input": tool_input}


def message(turn: Turn, content: list[JSON], request: ReplayRequest, usage: JSON) -> JSON:
    """The complete answer to a request."""
    uses_tools = any(block["type"] == "tool_use" for block in content)
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": turn.model or request.model,
        "content": content,
        "stop_reason": turn.stop_reason or ("tool_use" if uses_tools else "end_turn"),
        "stop_sequence": None,
        "usage": {**usage, **turn.usage},
    }


def error_body(status: int, text: str, kind: str | None = None) -> JSON:
    """The JSON of an API error."""
    return {"type": "error", "error": {"type": kind or ERROR_TYPES.get(status, "api_error"), "message": text}}


def events(answer: JSON) -> Iterator[Event]:
    """A message as the events of a stream."""
    opening = {**answer, "content": [], "stop_reason": None, "usage": {**answer["usage"], "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": opening}
    for index, block in enumerate(answer["content"]):
        empty, deltas = _taken_apart(block)
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    ending = {"stop_reason": answer["stop_reason"], "stop_sequence": answer["stop_sequence"]}
    yield "message_delta", {"type": "message_delta", "delta": ending, "usage": answer["usage"]}
    yield "message_stop", {"type": "message_stop"}


def frame(name: str, data: Mapping[str, Any]) -> bytes:
    """One server-sent event, its characters as they are."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def unframe(stream: bytes) -> Iterator[JSON]:
    """The data of each complete server-sent event."""
    complete, _, _ = stream.replace(b"\r\n", b"\n").rpartition(b"\n\n")
    for line in complete.decode("utf-8", "replace").split("\n"):
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def assemble(stream: Iterable[JSON]) -> JSON | None:
    """The message that a stream's events make up; None when the stream ended early."""
    answer: JSON = {}
    for event in stream:
        match event["type"]:
            case "message_start":
                answer = {**event["message"], "content": []}
            case "content_block_start":
                answer["content"].append(dict(event["content_block"]))
            case "content_block_delta":
                _extend(answer["content"][event["index"]], event["delta"])
            case "content_block_stop":
                _close(answer["content"][event["index"]])
            case "message_delta":
                answer |= event["delta"]
                answer["usage"] = {**answer["usage"], **event.get("usage", {})}
            case "message_stop":
                return answer
    return None


def _taken_apart(block: JSON) -> tuple[JSON, list[JSON]]:
    """A block as it starts, and the deltas that fill it."""
    match block["type"]:
        case "text":
            texts = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
            return {**block, "text": ""}, texts
        case "thinking":
            thoughts: list[JSON] = [{"type": "thinking_delta", "thinking": p} for p in _pieces(block["thinking"])]
            signature = {"type": "signature_delta", "signature": block.get("signature", "")}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, signature]
        case "tool_use":
            pieces = _pieces(json.dumps(block["input"]))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        case _:
            return block, []


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _extend(block: JSON, delta: JSON) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = block.get("signature", "") + delta["signature"]
        case "input_json_delta":
            block["partial_json"] = block.get("partial_json", "") + delta["partial_json"]
        case "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]


def _close(block: JSON) -> None:
    if partial := block.pop("partial_json", ""):
        block["input"] = json.loads(partial)


def escape_placeholders(text: str) -> str:
    """Text that `Renderer.content` gives back as it is, placeholders and all."""
    return re.sub(r"\{(cwd|python)\}", r"{{\1}}", text)


def _values(blocks: list[JSON], request: ReplayRequest) -> dict[str, str]:
    """What the placeholders stand for."""
    if request.cwd is None and any(found[2] == "cwd" for found in _PLACEHOLDER.finditer(json.dumps(blocks))):
        raise Unanswerable("the turn uses {cwd}, but the request states no working directory")
    return {"cwd": request.cwd or "", "python": python_command()}


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: f"{{{found[1]}}}" if found[1] else values[found[2]], value)
    if isinstance(value, Mapping):
        return {key: _fill(item, values) for key, item in value.items()}
    return [_fill(item, values) for item in value] if isinstance(value, list) else value


def python_command() -> str:
    """`python` where PATH finds this very interpreter under that name, its full path elsewhere; fit for a shell."""
    found = shutil.which("python")
    is_ours = found and Path(found).parent == Path(sys.executable).parent and Path(found).samefile(sys.executable)
    return "python" if is_ours else shlex.quote(sys.executable)
