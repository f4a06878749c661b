"""Where definitions begin and end, by the grammar of the language; where there is none, by the look of the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from agentflow.review.definitions import Definition, definitions, indent_of, leads_from
from agentflow.review.grammars import Grammar, grammar_of, reader
from agentflow.review.source import Source

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: Characters up to which a file is parsed, and of a line: nobody writes longer ones by hand.
MOST_PARSED, WIDEST = 150_000, 5_000
#: How often a parser may report its progress, and per thousand characters. Real code takes 2 to 13; a text that is made
#: to be slow takes any number. Counted and not timed, so that a file is always read in the same way.
_PATIENCE, _PATIENCE_PER_1000 = 500, 15
#: Brackets that are open at once: grammars grow slow in deeper code, and nobody writes any.
DEEPEST = 60
#: Of all lines, how many may be in statements that the grammar cannot read.
_READABLE = 0.2
#: Bytes that a parser is handed at once.
_CHUNK = 65_536
#: What a grammar's scanner may take for something else than a letter, or not survive.
_STRANGE = re.compile(r"[^\x20-\x7e\t]")
_WRAPPERS = frozenset({"decorated_definition", "export_statement", "template_declaration"})
_BRACKET = re.compile(r"[()\[\]{}]")


def definitions_of(source: Source) -> tuple[Definition, ...]:
    """All of them in their order, so that an outer one comes before those it holds."""
    return _found(source.path, source.lines)


@lru_cache(maxsize=64)
def _found(path: str, lines: tuple[str, ...]) -> tuple[Definition, ...]:
    grammar, root = grammar_of(path), tree_of(path, lines)
    parsed = _parsed(grammar, root, lines) if grammar and root else None
    return definitions(lines) if parsed is None else parsed


def tree_of(path: str, lines: Sequence[str]) -> Node | None:
    """The tree of a file's lines; None without a grammar for its name, and where its parser makes no way.

    Letters beyond ASCII stand as `x`: only lines count.
    """
    grammar = grammar_of(path)
    if grammar is None or not _is_sane(lines):
        return None
    return _root(reader(grammar)[0], "\n".join(_STRANGE.sub("x", line) for line in lines).encode("ascii"))


def _is_sane(lines: Sequence[str]) -> bool:
    if sum(map(len, lines)) > MOST_PARSED or any(len(line) > WIDEST for line in lines):
        return False
    depth = 0
    for line in lines:
        for bracket in _BRACKET.findall(line):
            depth = max(0, depth + (1 if bracket in "([{" else -1))
            if depth > DEEPEST:
                return False
    return True


def _parsed(grammar: Grammar, root: Node, lines: Sequence[str]) -> tuple[Definition, ...] | None:
    """None where too much of the file is beyond the grammar."""
    from tree_sitter import QueryCursor

    if root.has_error and _unread(root) > _READABLE * len(lines):
        return None
    nodes = QueryCursor(reader(grammar)[1]).captures(root)
    found = {
        (one.line, one.last): one
        for kind in ("type", "function")
        for node in nodes.get(kind, ())
        for one in _definition(node, lines, is_type=kind == "type")
    }
    return tuple(sorted(found.values(), key=lambda one: (one.line, -one.last)))


def _root(parser: Parser, source: bytes) -> Node | None:
    """None when the parser makes no way."""
    patience = count(_PATIENCE + _PATIENCE_PER_1000 * len(source) // 1000, -1)
    try:
        return parser.parse(
            lambda at, _: source[at : at + _CHUNK], progress_callback=lambda _, __: next(patience) <= 0
        ).root_node
    except ValueError:
        return None
    finally:
        parser.reset()


def _definition(node: Node, lines: Sequence[str], *, is_type: bool) -> Iterator[Definition]:
    """The definition on the line of its name, with what belongs to it above that."""
    outer = _dressed(node)
    line, last = _named(node).start_point.row + 1, _last_row(outer) + 1
    first = min(leads_from(lines, outer.start_point.row + 1), leads_from(lines, line))
    if line <= last <= len(lines):
        yield Definition(first, line, last, indent_of(lines[line - 1]), is_type)


def _dressed(node: Node) -> Node:
    """The node with its decorators, template parameters, `export` or `const` in front."""
    outer = node.parent
    if outer is None:
        return node
    alone = outer.named_child_count == 1 and outer.type in {"lexical_declaration", "variable_declaration"}
    return _dressed(outer) if alone or outer.type in _WRAPPERS else node


def _named(node: Node) -> Node:
    """The node of its name, else itself: decorators and types may stand on lines before it."""
    named = node.child_by_field_name("name")
    declarator = node.child_by_field_name("declarator")
    return named or (_named(declarator) if declarator else node)


def _last_row(node: Node) -> int:
    row, column = node.end_point
    return max(node.start_point.row, row - 1 if column == 0 else row)


def _unread(root: Node) -> int:
    """Lines in outermost nodes that could not be read."""
    unread, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        if node.is_error:
            unread += _last_row(node) - node.start_point.row + 1
        elif node.has_error:
            waiting += node.children
    return unread
