"""The one YAML loader: strict, bounded, and every value remembers its line.

PyYAML's own loader keeps the last of two equal keys, reads `no` as False and `12:30` as 750, and lets a small file
explode through aliases. Here its parser only finds the tokens; what they mean is decided below.
"""

from __future__ import annotations

import errno
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from agentflow.config.reading import read_file
from agentflow.errors import UsageError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 10_000

#: The way to a value: keys and list positions from the root.
Place = tuple[str | int, ...]

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?")


class Document(dict[str, Any]):
    """A loaded file: its root mapping, plus where it came from and the line (1-based) of every key and list item."""

    def __init__(self, data: Mapping[str, Any], source: str, lines: Mapping[Place, int]) -> None:
        super().__init__(data)
        self.source = source
        self.lines = lines

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest value around it."""
        known = (self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines)
        return next(known, 1)


def read_text(path: Path, *, scale: int = 1) -> str:
    """A small UTF-8 file, at most MAX_BYTES times `scale`; raises UsageError on anything else."""
    most = MAX_BYTES * scale
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        content = read_file(path, most=most)
        text = content.decode("utf-8-sig")
    except OSError as error:
        why = f"larger than {most // 1024} KiB" if error.errno == errno.EFBIG else f"cannot be read: {error.strerror}"
        raise UsageError(f"{path}: {why}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: not UTF-8", hint="save the file as UTF-8") from error
    return text


def load_yaml(text: str, source: str, *, scale: int = 1) -> Document:
    """The root mapping of one YAML document; `source` is its name in errors. An empty document is an empty mapping.

    Plain `true`, `false`, `null` and decimal numbers are values; `no`, `on`, `012`, `12:30` and keys are text.
    Raises UsageError, with the line, on duplicate keys, anchors, aliases, merge keys, tags, several documents,
    control characters, a root that is no mapping, and anything above the limits of this module, of which those on
    size are multiplied by `scale`.
    """
    if bad := unprintable(text):
        line = text.count("\n", 0, text.index(bad)) + 1
        raise UsageError(f"{source}:{line}: control character {bad!r}")
    if len(text.encode()) > MAX_BYTES * scale:
        raise UsageError(f"{source}: larger than {MAX_BYTES * scale // 1024} KiB")
    builder = _Builder(text, source, MAX_NODES * scale)
    try:
        return Document(builder.document(), source, builder.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        reason = str(error.problem or error.context)
        if "nesting depth" in reason:  # the C parser's own limit, which is above ours
            raise UsageError(f"{where}: nested deeper than {MAX_DEPTH}") from error
        raise UsageError(f"{where}: not YAML: {reason}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the pure Python parser's chr() of bad escapes
        raise UsageError(f"{source}: not YAML: {error}") from error


def read_yaml(path: Path, *, scale: int = 1) -> Document:
    """`load_yaml` of a file."""
    return load_yaml(read_text(path, scale=scale), str(path), scale=scale)


def dump_yaml(data: Mapping[str, Any]) -> str:
    """YAML for people that `load_yaml` reads back as the same data: block scalars, keys in the order given."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def unprintable(text: str) -> str | None:
    """The first control character or surrogate in `text`; tab, newline and carriage return are fine."""
    return next((c for c in text if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\t\n\r"), None)


def meaning(plain: str) -> str | int | float | bool | None:
    """What an unquoted scalar stands for."""
    if plain in _WORDS:
        return _WORDS[plain]
    if _INTEGER.fullmatch(plain):
        return int(plain)
    if _DECIMAL.fullmatch(plain) and math.isfinite(number := float(plain)):
        return number
    return plain


class _Builder:
    """Builds plain data from the parser's events, within the limits."""

    def __init__(self, text: str, source: str, most_nodes: int) -> None:
        self.source = source
        self._most_nodes = most_nodes
        self.lines: dict[Place, int] = {}
        self._events: Iterator[Event] = yaml.parse(text, Loader=_PARSER)
        self._nodes = 0

    def document(self) -> dict[str, Any]:
        next(self._events)  # the stream's start
        if not isinstance(next(self._events), DocumentStartEvent):
            return {}
        first = next(self._events)
        root = self._node(first, ())
        next(self._events)  # the document's end
        if not isinstance(extra := next(self._events), StreamEndEvent):
            self._refuse(extra, "a second document; one file holds one")
        if root is None and not (isinstance(first, ScalarEvent) and first.value):
            return {}
        if not isinstance(root, dict):
            self._refuse(first, "the file must be a mapping (key: value)")
        return root

    def _node(self, event: Event, place: Place) -> Any:
        self._examine(event, place)
        self.lines.setdefault(place, _line(event))
        if isinstance(event, MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(place)
        return self._scalar(event)

    def _mapping(self, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, (*place, ""))
            if key in data:
                first = self.lines[*place, key]
                self._refuse(event, f"duplicate key {key!r}, first on line {first}")
            self.lines[*place, key] = _line(event)
            data[key] = self._node(next(self._events), (*place, key))
        return data

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, (*place, len(items))))
        return items

    def _key(self, event: Event, place: Place) -> str:
        self._examine(event, place)
        if not isinstance(event, ScalarEvent):
            self._refuse(event, "a key must be plain text")
        if event.value == "<<" and event.implicit[0]:
            self._refuse(event, "merge keys (<<) are not supported")
        return self._text(event)

    def _scalar(self, event: Any) -> Any:
        text = self._text(event)
        return meaning(text) if event.implicit[0] else text

    def _text(self, event: Any) -> str:
        text: str = event.value
        if bad := unprintable(text):
            self._refuse(event, f"control character {bad!r}")
        return text

    def _examine(self, event: Any, place: Place) -> None:
        self._nodes += 1
        if isinstance(event, AliasEvent) or event.anchor is not None:
            self._refuse(event, "anchors and aliases (& and *) are not supported; quote text that starts so")
        if event.tag is not None:
            self._refuse(event, "tags (!) are not supported; quote text that starts so")
        if len(place) > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH}")
        if self._nodes > self._most_nodes:
            self._refuse(event, f"more than {self._most_nodes} values")

    def _refuse(self, event: Event, reason: str) -> NoReturn:
        raise UsageError(f"{self.source}:{_line(event)}: {reason}")


def _line(event: Event) -> int:
    mark: Any = event.start_mark
    return int(mark.line) + 1


class _Dumper(yaml.SafeDumper):
    """Quotes what `meaning` would not read back as text, indents lists, and shows long text as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  PyYAML's names
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if isinstance(meaning(text), str) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
