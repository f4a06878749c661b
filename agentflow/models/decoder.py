"""The one decoder of what comes from outside: lines of the CLI and of its session files, bodies of a gateway.

It gives back what it is asked for or nothing: a wrong type, bytes that are no UTF-8, a line without end or half a
message never raise. What stays unknown is None, and never zero.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Bytes of one message; of a longer one only the beginning is kept.
MAX_MESSAGE = 64 << 20
_KEPT = 1000
#: How a result begins: the CLI names the type of every other message first.
_RESULT = re.compile(
    r'\{\s*(?!"type"\s*:\s*"(?!result"))(?:"duration_api_ms"|.{0,900}"type"\s*:\s*"result")', re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")
#: What a message must have for the SDK to read it, by kind; a field that is missing or of another type becomes this.
_TASK = {"task_id": "", "description": "", "status": "", "output_file": "", "summary": "", "uuid": "", "session_id": ""}
_IDS = {"uuid": "", "session_id": ""}
_BLOCKS = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"id": "", "name": ""},
    "tool_result": {"tool_use_id": ""},
}
#: How an input is kept that is no object.
BARE_INPUT = "input"


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `is_cut` when only its beginning is left."""

    data: bytes
    is_cut: bool = False


class Lines:
    """Lines put together from pieces that end anywhere; a line beyond `limit` bytes takes no memory."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_cut = False

    def push(self, piece: bytes) -> Iterator[Line]:
        """The lines that this piece completes."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._add(end)
            yield self.rest()
        self._add(rest)

    def rest(self) -> Line:
        """What has come since the last line end; nothing of it is kept."""
        line = Line(b"".join(self._pieces), self._is_cut)
        self._pieces, self._size, self._is_cut = [], 0, False
        return line

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if not self._is_cut:
            self._pieces.append(piece)
        if self._size > self._limit and not self._is_cut:
            self._pieces, self._is_cut = [b"".join(self._pieces)[:_KEPT]], True


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """The object that some JSON is; None for other JSON and for what is none.

    Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD: neither can be stored.
    """
    value = json_value(data)
    return value if isinstance(value, dict) else None


def json_value(data: bytes | str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Any JSON value, None also for what is no JSON; NaN and Infinity, which are not, are None.

    `pairs` makes an object of its keys and values; a dict by default.
    """
    text_ = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        value = json.loads(text_, parse_constant=lambda _: None, object_pairs_hook=pairs)
        return _storable(value) if "\\ud" in text_.lower() or _SURROGATE.search(text_) else value
    except (ValueError, RecursionError):
        return None


def text(value: object, otherwise: str = "") -> str:
    return value if isinstance(value, str) else otherwise


def table(value: object) -> dict[str, Any]:
    """An object; empty for anything else."""
    return dict(value) if isinstance(value, Mapping) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """A finite number from 0, also one written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def count(value: object) -> int | None:
    """A whole number from 0 that a database can hold."""
    found = number(value)
    return int(found) if found is not None and found < 1 << 53 else None


def message_of(line: Line) -> tuple[dict[str, Any] | None, str]:
    """A line of the CLI as a message that the SDK can read, and what could not be understood of it, if anything.

    None where nothing is left. A result that cannot be read is still the end of its turn.
    """
    data = line.data.strip()
    if not data.startswith(b"{") and not line.is_cut:
        return None, ""
    found = None if line.is_cut else json_object(data)
    if found is not None:
        return _cleaned(found)
    told = f"over {MAX_MESSAGE >> 20} MiB" if line.is_cut else "no JSON"
    start = data[:_KEPT].decode("utf-8", "replace")
    ends = _RESULT.match(start)
    return (_result({"subtype": "unreadable", "is_error": True}) if ends else None), f"{told}: {start[:80]}"


def _cleaned(data: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    kind = text(data.get("type"))
    if kind.startswith("control_"):
        return (data, "") if _is_control(data, kind) else (None, f"a {kind} without its parts")
    if kind in {"assistant", "user"}:
        return _spoken(data, kind)
    if (clean := _CLEANED.get(kind)) is not None:
        return clean(data), ""
    return None, "" if kind else f"a message of type {str(data.get('type'))[:80]}"


def _system(data: dict[str, Any]) -> dict[str, Any]:
    subtype = text(data.get("subtype"))
    filled = {**_filled(data, _TASK), "usage": table(data.get("usage"))} if subtype.startswith("task_") else data
    return {**filled, "subtype": subtype}


def _stream_event(data: dict[str, Any]) -> dict[str, Any]:
    return {**_filled(data, _IDS), "event": table(data.get("event"))}


def _rate_limit(data: dict[str, Any]) -> dict[str, Any]:
    info = _filled(table(data.get("rate_limit_info")), {"status": ""})
    return {**_filled(data, _IDS), "rate_limit_info": {**info, "resetsAt": number(info.get("resetsAt"))}}


def _spoken(data: dict[str, Any], kind: str) -> tuple[dict[str, Any], str]:
    said = table(data.get("message"))
    content = said.get("content")
    given = [{"type": "text", "text": content}] if isinstance(content, str) else content
    given = given if isinstance(given, list) else []
    blocks = [block for block in map(_block, given) if block is not None]
    cleaned = {
        **said,
        "content": blocks,
        "model": text(said.get("model")),
        "id": text(said.get("id")) or None,
        "usage": table(said.get("usage")),
    }
    odd = f"{len(given) - len(blocks)} blocks of an {kind} message" if len(blocks) < len(given) else ""
    return {**data, "message": cleaned, "error": text(data.get("error")) or None}, odd


def _block(value: object) -> dict[str, Any] | None:
    """A block of content; None when it is none. Kinds that are not known have no fields to lack."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return None
    if value["type"] in {"server_tool_use", "advisor_tool_result"}:
        return {"type": "unknown"}
    block = _filled(value, _BLOCKS.get(value["type"], {}))
    if block["type"] == "tool_use":
        given = value.get("input")
        return {**block, "input": given if isinstance(given, dict) else {BARE_INPUT: given}}
    return block


def _result(data: dict[str, Any]) -> dict[str, Any]:
    errors = data.get("errors")
    refused = [
        {**_filled(one, {"tool_name": "", "tool_use_id": ""}), "tool_input": table(one.get("tool_input"))}
        for one in rows(data.get("permission_denials"))
    ]
    return {
        **_filled(data, {"subtype": "", "session_id": ""}),
        "type": "result",
        **{name: count(data.get(name)) or 0 for name in ("duration_ms", "duration_api_ms", "num_turns")},
        "is_error": bool(data.get("is_error")),
        "total_cost_usd": number(data.get("total_cost_usd")),
        "usage": table(data.get("usage")),
        "errors": [error for error in errors if isinstance(error, str)] if isinstance(errors, list) else [],
        "permission_denials": refused,
        "deferred_tool_use": None,
        "api_error_status": count(data.get("api_error_status")),
        **{name: text(data.get(name)) or None for name in ("result", "stop_reason", "terminal_reason")},
    }


_CLEANED = {
    "system": _system,
    "stream_event": _stream_event,
    "rate_limit_event": _rate_limit,
    "result": _result,
}


def _is_control(data: dict[str, Any], kind: str) -> bool:
    if kind == "control_response":
        return isinstance(table(data.get("response")).get("request_id"), str)
    has_id = isinstance(data.get("request_id"), str)
    return has_id and (kind != "control_request" or isinstance(table(data.get("request")).get("subtype"), str))


def _filled(data: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    return {**data, **{name: text(data.get(name), default) for name, default in defaults.items()}}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_SURROGATE.sub("\ufffd", key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def texts(blocks: Iterable[object]) -> str:
    """The text of some content blocks, put together."""
    return "".join(text(table(block).get("text")) for block in blocks if table(block).get("type") == "text")
