"""Suggestions that can be taken over with a click: none of them may break a file that its parser reads."""

from __future__ import annotations

import json
import re
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from agentflow.review.parsing import MOST_PARSED, raw_tree_of
from agentflow.review.source import Source
from agentflow.review.text import lines_of

if TYPE_CHECKING:
    from tree_sitter import Node

_INDENT = re.compile(r"[ \t]*")


def fitted(code: str, source: Source, first: int, last: int) -> str | None:
    """The code, as far in as the lines (1-based, inclusive) that it is to replace; None when it breaks the file.

    Where no parser is at hand for the file, it stays as it is.
    """
    lines = source.lines
    for form in _forms(code, _INDENT.match(lines[first - 1])[0]):  # type: ignore[index]
        if _is_sound(source.path, lines, (*lines[: first - 1], *lines_of(form), *lines[last:])):
            return form
    return None


def _forms(code: str, indent: str) -> Iterator[str]:
    """How it may be meant: models leave the indent out, of every line or of the first."""
    if indent and not _INDENT.match(code)[0]:  # type: ignore[index]
        yield "\n".join(f"{indent}{line}" if line.strip() else line for line in code.split("\n"))
        yield indent + code
    yield code


def _is_sound(path: str, before: Sequence[str], after: Sequence[str]) -> bool:
    strict = _STRICT.get(PurePosixPath(path).suffix[1:].lower())
    if strict and sum(map(len, before)) <= MOST_PARSED and _reads(strict, before):
        return _reads(strict, after)
    faults = _faults(raw_tree_of(path, before))
    if faults is None:
        return True
    left = _faults(raw_tree_of(path, after))
    return left is not None and left <= faults


def _compiled(text: str) -> None:
    """Unlike a parser alone it knows a `return` outside of a function. Nothing is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text, "<suggestion>", "exec", dont_inherit=True)


#: Parsers that take a file or refuse it, by the suffix of its name.
_STRICT: Mapping[str, Callable[[str], object]] = {
    "py": _compiled,
    "pyi": _compiled,
    "json": json.loads,
    "toml": tomllib.loads,
}


def _reads(parser: Callable[[str], object], lines: Sequence[str]) -> bool:
    try:
        parser("\n".join(lines) + "\n")
    except (ValueError, SyntaxError, RecursionError, MemoryError, OverflowError):
        return False
    return True


def _faults(root: Node | None) -> int | None:
    """How many places of the file the grammar cannot read."""
    if root is None:
        return None
    found, waiting = 0, [root]
    while waiting:
        node = waiting.pop()
        found += node.is_error or node.is_missing
        if node.has_error:
            waiting += node.children
    return found
