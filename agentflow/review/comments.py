"""The comments of a file, told from code and from strings by Pygments' lexers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from agentflow.review.source import Source

if TYPE_CHECKING:
    from pygments.lexer import Lexer

#: Names that several languages share, or whose lexer looks past comments: the one that is meant in a repository.
_MEANT = {
    ".ipynb": "python",
    ".md": "html",
    ".markdown": "html",
    ".pl": "perl",
    ".pm": "perl",
    ".r": "splus",
    ".fs": "fsharp",
}
#: Where no lexer is known: what begins a comment in most languages, and ends it.
_LEADER = re.compile(r"(?:#|//|/\*|(?:<!)?--|;|\{-|\(\*|<%--).*")


class Comment(NamedTuple):
    """What one comment says on `line` (1-based), its marks included.

    `alone`: no code stands before it there; a brace is none (JSX).
    """

    line: int
    text: str
    alone: bool


def comments(source: Source) -> tuple[Comment, ...]:
    """All comments, one for each line that they take. Doc strings, and whatever else a program holds, are none."""
    lexer = _lexer(source.path)
    return tuple(_by_leader(source) if lexer is None else _by_tokens(source, lexer))


def _lexer(path: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
    from pygments.util import ClassNotFound

    name = PurePosixPath(path)
    try:
        meant = _MEANT.get(name.suffix.lower())
        found = get_lexer_by_name(meant) if meant else get_lexer_for_filename(name.name)
    except ClassNotFound:
        return None
    return None if "text" in found.aliases else found


def _by_tokens(source: Source, lexer: Lexer) -> Iterator[Comment]:
    text = "\n".join(source.lines)
    starts = [0, *accumulate(len(line) + 1 for line in source.lines)]
    number = 1
    for first, last in _spans(text, lexer):
        while number < len(source.lines) and starts[number] <= first:
            number += 1
        at = number
        while at <= len(source.lines) and starts[at - 1] < last:
            begin = max(first, starts[at - 1])
            said = text[begin : min(last, starts[at] - 1)]
            yield Comment(at, said, alone=not text[starts[at - 1] : begin].strip(" \t{"))
            at += 1


def _spans(text: str, lexer: Lexer) -> list[tuple[int, int]]:
    """Where comments begin and end; lexers cut one into several tokens, those that touch are one."""
    spans: list[tuple[int, int]] = []
    for at, kind, said in lexer.get_tokens_unprocessed(text):
        if _is_comment(str(kind), said):
            begun = spans.pop()[0] if spans and spans[-1][1] == at else at
            spans.append((begun, at + len(said)))
    return spans


def _is_comment(kind: str, said: str) -> bool:
    """By the name of a token's type; some lexers take comments that document for strings."""
    is_doc = kind == "Token.Literal.String.Doc" and said.lstrip().startswith(("//", "/*"))
    return is_doc or (kind.startswith("Token.Comment") and "Preproc" not in kind)


def _by_leader(source: Source) -> Iterator[Comment]:
    for number, line in enumerate(source.lines, start=1):
        if found := _LEADER.search(line):
            yield Comment(number, found[0], alone=not line[: found.start()].strip())
