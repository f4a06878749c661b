"""What was heard on the wire, written down as a scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.replay.redact import redact, safe_headers
from agentflow.replay.request import STRUCTURED_OUTPUT, ReplayRequest
from agentflow.replay.wire import JSON, assemble, escape_placeholders, unframe

_TOKEN_CLASSES = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
)
_KEPT_HEADERS = re.compile(r"retry-after|x-should-retry|anthropic-ratelimit-", re.IGNORECASE)
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came: `complete` is False when the connection broke."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    complete: bool = True

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")


Heard = tuple[ReplayRequest, Answer]


def scenario_of(heard: Sequence[Heard], name: str, secrets: Collection[str]) -> JSON:
    """A scenario, as data, that gives the same answers again: a rule for each conversation, in order of appearance."""
    conversations: dict[tuple[str, ...], list[Heard]] = {}
    for request, answer in heard:
        conversations.setdefault(request.conversation, []).append((request, answer))
    openings = [conversation[0][0] for conversation in conversations.values()]
    rules = [
        {"when": _when(opening, openings), "turns": [_turn(*said) for said in conversation]}
        for opening, conversation in zip(openings, conversations.values(), strict=True)
    ]
    recorded: JSON = redact({"name": name, "about": f"Recorded, {len(heard)} requests.", "rules": rules}, secrets)
    return recorded


def _when(opening: ReplayRequest, openings: Sequence[ReplayRequest]) -> JSON:
    """The labels, and a line of the opening that others with the same labels do not have."""
    labels = _labels(opening)
    rivals = [other for other in openings if other is not opening and _labels(other) == labels]
    line = next(_telling_lines(opening, rivals), None) if rivals else None
    return labels | ({"last": _literal(line)} if line else {})


def _labels(request: ReplayRequest) -> JSON:
    labels = {name: value for name, value in request.labels.items() if name != "run"}
    return dict(labels) or {"model": f"^{_literal(request.model)}$"}


def _telling_lines(opening: ReplayRequest, rivals: Sequence[ReplayRequest]) -> Iterator[str]:
    for line in map(str.strip, opening.last_text.splitlines()):
        moves = redact(line) != line or (opening.cwd or "\0") in line
        if 0 < len(line) <= _LONGEST_LINE and not moves and not any(line in rival.last_text for rival in rivals):
            yield line


def _literal(text: str) -> str:
    """A regular expression that finds just this text."""
    return re.escape(text).replace("\\ ", " ")


def _turn(request: ReplayRequest, answer: Answer) -> JSON:
    if answer.status >= 400:
        return {"fault": _http_fault(answer)}
    said = _message(answer) if answer.complete else None
    if said is None:
        return {"fault": _stream_fault(answer)}
    turn = _words(said["content"])
    if said["model"] != request.model:
        turn["model"] = said["model"]
    if said["stop_reason"] != _usual_stop(said["content"]):
        turn["stop_reason"] = said["stop_reason"]
    usage = {name: said["usage"][name] for name in _TOKEN_CLASSES if said["usage"].get(name) is not None}
    turn["usage"] = usage
    movable: JSON = _movable(turn, request.cwd)
    return movable


def _http_fault(answer: Answer) -> JSON:
    kept = {name: value for name, value in safe_headers(answer.headers).items() if _KEPT_HEADERS.match(name)}
    fault = {"status": answer.status, "headers": kept, **_error(answer.content)}
    return {key: value for key, value in fault.items() if value}


def _stream_fault(answer: Answer) -> JSON:
    for event in unframe(answer.content):
        if event["type"] == "error":
            return {"sse_error": event["error"]["type"], "message": event["error"].get("message", "")}
    return {"drop": "mid" if answer.content else "headers"}


def _message(answer: Answer) -> JSON | None:
    if answer.streamed:
        return assemble(unframe(answer.content))
    whole = _parsed(answer.content)
    return whole if "content" in whole else None


def _error(content: bytes) -> JSON:
    """Type and message of an error body; proxies on the way answer in other shapes."""
    match _parsed(content):
        case {"error": {"type": str(kind), "message": str(text)}}:
            return {"type": kind, "message": text}
        case _:
            return {"message": content[:200].decode("utf-8", "replace")}


def _parsed(content: bytes) -> JSON:
    """A JSON object; empty for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(blocks: Sequence[JSON]) -> JSON:
    """The blocks as thinking, say, calls and answer where that says all there is, else as they are."""
    turn: JSON = {}
    for block in blocks:
        match block:
            case {"type": "thinking", "thinking": str(thinking)}:
                turn["thinking"] = thinking
            case {"type": "text", "text": str(text)}:
                turn["say"] = text
            case {"type": "tool_use", "name": str(name)} if name == STRUCTURED_OUTPUT:
                turn["answer"] = block["input"]
            case {"type": "tool_use"}:
                turn.setdefault("calls", []).append({"tool": block["name"], "input": block["input"]})
    return turn if turn and list(_blocks(turn)) == [_bare(block) for block in blocks] else {"content": list(blocks)}


def _blocks(turn: JSON) -> Iterator[JSON]:
    if "thinking" in turn:
        yield {"type": "thinking", "thinking": turn["thinking"]}
    if "say" in turn:
        yield {"type": "text", "text": turn["say"]}
    for call in turn.get("calls", ()):
        yield {"type": "tool_use", "name": call["tool"], "input": call["input"]}
    if "answer" in turn:
        yield {"type": "tool_use", "name": STRUCTURED_OUTPUT, "input": turn["answer"]}


def _bare(block: JSON) -> JSON:
    """A block without the names the server gives."""
    return {key: value for key, value in block.items() if key not in {"id", "signature"}}


def _usual_stop(blocks: Sequence[JSON]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _movable(value: Any, cwd: str | None) -> Any:
    """The same data with `{cwd}` for the working directory, so that it can be replayed in another one."""
    if isinstance(value, str):
        fixed = escape_placeholders(value)
        return re.sub(re.escape(cwd) + r"(?![\w-])", "{cwd}", fixed) if cwd else fixed
    if isinstance(value, Mapping):
        return {key: _movable(item, cwd) for key, item in value.items()}
    return [_movable(item, cwd) for item in value] if isinstance(value, list) else value
