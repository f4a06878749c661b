"""Where definitions begin and end, by the grammar of the language; where there is none, by the look of the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from agentflow.review.definitions import Definition, definitions, indent_of, leads_from
from agentflow.review.grammars import Grammar, grammar_of, reader
from agentflow.review.naming_definitions import name_of
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
#: The fields of a node in which its name stands.
_NAMING = ("name", "declarator", "left", "key")
_NAME = re.compile(r"[A-Za-z_$~][\w$]*[?!=]?(?=\W*$)")
_BRACKET = re.compile(r"[()\[\]{}]")


def definitions_of(source: Source) -> tuple[Definition, ...]:
    """All of them in their order, so that an outer one comes before those it holds."""
    return tuple(one for one, _ in _found(source.path, source.lines))


def named_definitions_of(source: Source) -> tuple[tuple[Definition, str], ...]:
    """The same, each with its name; that is empty where there is none, as for the implementation of a trait."""
    return _found(source.path, source.lines)


def tree_of(source: Source) -> tuple[Grammar, Node] | None:
    """What the file's grammar makes of it; None where too much of the file is beyond the grammar."""
    return _tree(source.path, source.lines)


@lru_cache(maxsize=64)
def _found(path: str, lines: tuple[str, ...]) -> tuple[tuple[Definition, str], ...]:
    parsed = _tree(path, lines)
    if parsed:
        return _defined(*parsed, lines)
    return tuple((one, _last_name(name_of(lines[one.line - 1]))) for one in definitions(lines))


@lru_cache(maxsize=8)
def _tree(path: str, lines: tuple[str, ...]) -> tuple[Grammar, Node] | None:
    grammar, root = grammar_of(path), raw_tree_of(path, lines)
    if grammar is None or root is None:
        return None
    return None if root.has_error and _unread(root) > _READABLE * len(lines) else (grammar, root)


def raw_tree_of(path: str, lines: Sequence[str]) -> Node | None:
    """The tree of a file's lines, what the grammar cannot read included; None where a parser makes no way.

    Letters beyond ASCII stand as `x`: only places count.
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


def _defined(grammar: Grammar, root: Node, lines: Sequence[str]) -> tuple[tuple[Definition, str], ...]:
    from tree_sitter import QueryCursor

    nodes = QueryCursor(reader(grammar)[1]).captures(root)
    found = {
        (one.line, one.last): (one, _name(node, lines))
        for kind in ("type", "function")
        for node in nodes.get(kind, ())
        for one in _definition(node, lines, is_type=kind == "type")
    }
    return tuple(sorted(found.values(), key=lambda found: (found[0].line, -found[0].last)))


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


def _name(node: Node, lines: Sequence[str]) -> str:
    named = next((child for field in _NAMING if (child := node.child_by_field_name(field))), None)
    if named is None:
        return ""
    if any(named.child_by_field_name(field) for field in _NAMING):
        return _name(named, lines)
    row, column = named.start_point
    return _last_name(lines[row][column : column + named.end_byte - named.start_byte])


def _last_name(text: str) -> str:
    """`b` of `a.b`, `A::b` and `b<T>`."""
    found = _NAME.search(text.partition("<")[0])
    return found[0] if found else ""


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
