"""Changing JSON as text: what is not touched stays as it was written, to the byte."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from agentflow.errors import UsageError

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)

#: The way to a value: keys of objects, positions in lists.
Way = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A member of an object or an element of a list: where it begins, where its value does, and where that ends."""

    step: str | int
    start: int
    value: int
    end: int


def parsed(text: str, source: str) -> Any:
    """The value. Raises UsageError on what is no JSON, a key that stands twice, and what is too long or deep."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        message = f"{source}:{error.lineno}: not JSON: {error.msg}"
        raise UsageError(message, hint="Claude Code ignores such a file too; it takes no comments") from None
    except _TwiceError as error:
        raise UsageError(f"{source}: the key {error} stands twice", hint="take one of them out") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{source}: a number is too long to be read, or a list nested too deeply") from None


def with_item(text: str, way: Way, value: Any) -> str:
    """The text with one more item: `value` at the end of the list, or under the last step's name of the object.

    The list or object that `way` leads to (without a member's name) must be there.
    """
    *around, last = way
    start = _start(text, tuple(around))
    items, _ = _items(text, start)
    line, unit = "\r\n" if "\r\n" in text else "\n", _unit(text)
    name = f"{json.dumps(last, ensure_ascii=False)}: " if text[start] == "{" else ""
    written = name + json.dumps(value, indent=unit, ensure_ascii=False)
    body = written.replace("\n", "\n" + unit * len(way)).replace("\n", line)
    place = line + unit * len(way) + body
    if items:
        end = items[-1].end
        return f"{text[:end]},{place}{text[end:]}"
    rest = text[start + 1 :]
    closing = "" if "\n" in _blank(text, start + 1) else line + unit * len(around)
    return f"{text[: start + 1]}{place}{closing}{rest}"


def without_item(text: str, way: Way) -> str:
    """The text without the item that `way` leads to, and without the comma it needed."""
    *around, last = way
    start = _start(text, tuple(around))
    items, close = _items(text, start)
    at = next(i for i, item in enumerate(items) if item.step == last)
    if len(items) == 1:
        return text[: start + 1] + text[close:]
    if at == 0:
        return text[: items[0].start] + text[items[1].start :]
    return text[: items[at - 1].end] + text[items[at].end :]


def _start(text: str, way: Way) -> int:
    """Where the value begins that `way` leads to."""
    start = _after_blank(text, 0)
    for step in way:
        items, _ = _items(text, start)
        start = next(item.value for item in items if item.step == step)
    return start


def _items(text: str, start: int) -> tuple[list[_Item], int]:
    """What the object or list at `start` holds, and where its closing bracket is. The text is valid JSON."""
    found: list[_Item] = []
    at = _after_blank(text, start + 1)
    while text[at] not in "]}":
        begin, step = at, len(found)
        if text[start] == "{":
            step, at = _DECODER.raw_decode(text, at)
            at = _after_blank(text, _after_blank(text, at) + 1)
        value = at
        _, at = _DECODER.raw_decode(text, at)
        found.append(_Item(step, begin, value, at))
        at = _after_blank(text, at)
        if text[at] == ",":
            at = _after_blank(text, at + 1)
    return found, at


def _blank(text: str, at: int) -> str:
    return text[at : _after_blank(text, at)]


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _unit(text: str) -> str:
    """One level of indentation, as the first indented line has it."""
    found = _INDENT.search(text)
    return found[1] if found else "  "


class _TwiceError(ValueError):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(repr(key))
        found[key] = value
    return found
