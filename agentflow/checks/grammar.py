"""Shell lines taken apart by the grammar that editors use: the nodes of a line, and what is asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

#: Words of the shell's own between which statements stand.
LEAD = frozenset({"if", "elif", "then", "else", "fi", ";", "\n", "do", "done", "{", "}", "(", ")"})


def source_of(text: str) -> bytes:
    """A text as the grammar may be given it: with two letters from À to Ï for every byte that is no ASCII.

    Its scanner looks characters up in C's tables of bytes, and dies beyond them (tree-sitter-bash 0.25, `{😀`).
    """
    raw = text.encode("utf-8", "surrogatepass")
    return re.sub(
        rb"[\x80-\xff]", lambda found: bytes((0xC3, 0x80 | found[0][0] >> 4, 0xC3, 0x80 | found[0][0] & 15)), raw
    )


def words_of(source: bytes) -> str:
    """The text that `source_of` made this of, or a part of it."""
    pairs = re.compile(rb"\xc3([\x88-\x8f])\xc3([\x80-\x8f])")
    return pairs.sub(lambda found: bytes((found[1][0] << 4 & 0xF0 | found[2][0] & 15,)), source).decode(
        errors="replace"
    )


def parsed(source: bytes) -> Node:
    """The root of a line, given as `source_of` has it; it `has_error` where no shell could read it."""
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
    return words_of(node.text or b"")
