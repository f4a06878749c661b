"""Shell lines taken apart by the grammar that editors use: the nodes of a line, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: Words of the shell's own between which statements stand.
LEAD = frozenset({"if", "elif", "then", "else", "fi", ";", "\n", "do", "done", "{", "}", "(", ")"})


def parsed(source: bytes) -> Node:
    """The root of a line; it `has_error` where no shell could read it."""
    return _parser().parse(source).root_node


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def inside(node: Node) -> list[Node]:
    return [child for child in node.children if child.type not in LEAD or child.type in {";", "\n"}]


def is_plain_exit(node: Node) -> bool:
    return node.type == "command" and text_of(node) in {"exit", "return"}


def substitutions(node: Node) -> Iterator[Node]:
    if node.type in {"command_substitution", "process_substitution"}:
        yield node
        return
    for child in node.named_children:
        yield from substitutions(child)


def name_of(node: Node) -> str:
    """The program that a command starts, without its folder; empty for what is no simple command."""
    if node.type == "redirected_statement" and node.named_children:
        return name_of(node.named_children[0])
    found = node.child_by_field_name("name") if node.type == "command" else None
    return program_of(text_of(found)) if found is not None else ""


def program_of(word: str) -> str:
    return word.strip("'\"").rpartition("/")[2]


def text_of(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")
