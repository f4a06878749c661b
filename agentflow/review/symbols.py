"""What a file defines under which name, what it imports, and which names its lines use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from agentflow.review.parsing import named_definitions_of, tree_of
from agentflow.review.source import Source, Span, joined
from agentflow.review.vocabulary import vocabulary

if TYPE_CHECKING:
    from tree_sitter import Node

#: Lines that the value of a name, or an import, may take.
_LONGEST = 60
#: Files of which it is kept what they define and import.
_KEPT = 1_000
_WORD = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*|(?<=[.>:])[A-Za-z_$][\w$]*")
_NO_CODE = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|(?:#|//|/\*|^\s*\*).*")
#: Without a grammar: what stands at the start of a line.
_IMPORT = re.compile(
    r"(?:import|from|use|using|require|require_relative|require_once|include|include_once|source|library|open|#include)"
    r"\b[\s(\"'<]|package\s+[\w.]+|(?:const|let|var|local)\b[^=]*=\s*require\b"
)
_VALUE = re.compile(
    r"(?:(?:export|const|let|var|val|final|static|local|readonly|public)\s+)*([A-Za-z_]\w*)\s*(?::[^=]*)?=(?!=)"
)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name that lines `first` to `last` (1-based) give a meaning; on `line` it stands itself."""

    name: str
    first: int
    line: int
    last: int
    is_type: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """A name where it is used. `called`: an argument list follows; `member`: it is reached through something else."""

    name: str
    line: int
    called: bool
    member: bool


def symbols_of(source: Source) -> tuple[Symbol, ...]:
    """Functions, types, and values that are known beyond a function, in the order of their lines."""
    return _symbols(source.path, source.lines)


def imports_of(source: Source) -> tuple[Span, ...]:
    """The lines of its imports, those that touch made one."""
    return _imports(source.path, source.lines)


def uses_of(source: Source, first: int, last: int) -> tuple[Use, ...]:
    """The names that these lines use, in their order; without a grammar all their words."""
    if tree_of(source) is None:
        return tuple(use for n in range(first, last + 1) for use in _words(source.lines[n - 1], n))
    return tuple(_use(source, node) for node in _captured(source, "use", (first, last)))


def words_of(text: str, line: int) -> Iterator[Use]:
    """What a line uses that is in no file any more, as far as it can be told from variables and prose."""
    words = _words(_NO_CODE.sub(" ", text), line)
    return (word for word in words if word.called or word.member or word.name[0].isupper())


@lru_cache(maxsize=_KEPT)
def _symbols(path: str, lines: tuple[str, ...]) -> tuple[Symbol, ...]:
    source = Source(path, lines)
    found = [
        Symbol(name, one.first, one.line, one.last, one.is_type) for one, name in named_definitions_of(source) if name
    ]
    taken = {(one.line, one.name) for one in found}
    values = _values(source) if tree_of(source) else _looks_valued(source)
    return tuple(
        sorted([*found, *(one for one in values if (one.line, one.name) not in taken)], key=lambda one: one.line)
    )


@lru_cache(maxsize=_KEPT)
def _imports(path: str, lines: tuple[str, ...]) -> tuple[Span, ...]:
    source = Source(path, lines)
    found = _imported(*_captured(source, "import"))
    return tuple(joined([*found] or _looks_imported(source)))


def _captured(source: Source, kind: str, lines: Span | None = None) -> list[Node]:
    from tree_sitter import Point, QueryCursor

    read = tree_of(source)
    if read is None:
        return []
    cursor = QueryCursor(vocabulary(read[0]))
    if lines:
        cursor.set_point_range(Point(lines[0] - 1, 0), Point(lines[1], 0))
    return sorted(cursor.captures(read[1]).get(kind, ()), key=lambda node: node.start_byte)


def _use(source: Source, node: Node) -> Use:
    row, column = node.start_point
    text = source.lines[row]
    end = column + node.end_byte - node.start_byte
    member = _is_member(text[:column])
    # In Ruby a call needs no parentheses.
    called = _is_called(text[end:]) or (member and source.path.endswith(".rb"))
    return Use(text[column:end], row + 1, called, member)


def _words(text: str, line: int) -> Iterator[Use]:
    for word in _WORD.finditer(text):
        yield Use(word[0], line, _is_called(text[word.end() :]), _is_member(text[: word.start()]))


def _is_called(rest: str) -> bool:
    return re.match(r"!?\s*(?:\(|<[\w\s,.\[\]]*>\()", rest) is not None


def _is_member(before: str) -> bool:
    return before.rstrip().endswith((".", "->", "::"))


def _values(source: Source) -> Iterator[Symbol]:
    for node in _captured(source, "value"):
        row, column = node.start_point
        name = source.lines[row][column : column + node.end_byte - node.start_byte].partition("[")[0]
        whole = _statement(node)
        last = min(whole.end_point.row - (whole.end_point.column == 0), row + _LONGEST)
        yield Symbol(name, whole.start_point.row + 1, row + 1, max(row, last) + 1)


def _statement(node: Node) -> Node:
    """What gives the name its value: the outermost node that begins on the same line and is no body of others."""
    whole = node
    while (parent := whole.parent) and parent.parent and parent.start_point.row == node.start_point.row:
        if parent.type in {"block", "class_body", "declaration_list", "field_declaration_list", "enum_body"}:
            break
        whole = parent
    return whole


def _imported(*nodes: Node) -> Iterator[Span]:
    for node in nodes:
        if not _is_inside_function(node) and not _is_inside_module(node):
            first, last = node.start_point.row, node.end_point.row - (node.end_point.column == 0)
            yield first + 1, max(first, min(last, first + _LONGEST)) + 1


def _is_inside_function(node: Node) -> bool:
    above = node.parent
    while above is not None and "function" not in above.type and "method" not in above.type:
        above = above.parent
    return above is not None


def _is_inside_module(node: Node) -> bool:
    """Whether it is in a module within the file, as tests are in Rust."""
    above = node.parent
    return above is not None and above.parent is not None and above.parent.type == "mod_item"


def _looks_imported(source: Source) -> Iterator[Span]:
    for n, line in enumerate(source.lines, start=1):
        if _IMPORT.match(line[:200]):
            yield n, n


def _looks_valued(source: Source) -> Iterator[Symbol]:
    for n, line in enumerate(source.lines, start=1):
        if found := _VALUE.match(line[:200]):
            yield Symbol(found[1], n, n, n)
