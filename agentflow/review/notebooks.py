"""Notebooks: the code of their cells, each line at the number that it has in the file.

A notebook is JSON, in which Jupyter and most tools write every line of a cell as a string on a line of its own. What
stands between them (outputs, pictures, prose, metadata) is not read.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agentflow.review.comparing import Removed, compared
from agentflow.review.source import Span, joined

_DECODER = json.JSONDecoder(strict=False)
_HEAD = "# %% cell "
_BLANK = re.compile(r"[ \t\r\n]*")


class _Cell(NamedTuple):
    """A cell of code: where in the text its source begins, and where each line of it does."""

    at: int
    lines: tuple[tuple[int, str], ...]


def is_notebook(path: str) -> bool:
    return path.lower().endswith(".ipynb")


def code_of(text: str) -> dict[int, str]:
    """The lines of code by their numbers (1-based), each cell headed by `# %% cell N` (Jupytext) on the line above.

    Empty where there is no code, where the text is no notebook, and where its cells do not stand line by line.
    """
    try:
        cells = [cell for key, at, _ in _members(text, 0) if key == "cells" for cell in _cells(text, at)]
    except (ValueError, IndexError, RecursionError):
        return {}
    breaks = [found.start() for found in re.finditer("\n", text)]
    found: dict[int, str] = {}
    for n, cell in cells:
        found.update(_numbered(n, cell, breaks))
    return found if len(found) == sum(1 + len(cell.lines) for _, cell in cells) else {}


def compared_code(before: str, after: str) -> tuple[tuple[Span, ...], Removed]:
    """What differs between the code of two versions of a notebook, in the new one's numbers."""
    new = code_of(after)
    numbers = [*new, max(new, default=0) + 1]
    changed, removed = compared(_unnumbered(code_of(before)), _unnumbered(new))
    spans = joined((numbers[n - 1],) * 2 for first, last in changed for n in range(first, last + 1))
    return tuple(spans), {numbers[n - 1]: lines for n, lines in removed.items()}


def _unnumbered(code: Mapping[int, str]) -> list[str]:
    """The lines with heads that are alike: a cell put in between changes none after it."""
    return ["# %%" if line.startswith(_HEAD) else line for line in code.values()]


def _numbered(n: int, cell: _Cell, breaks: Sequence[int]) -> Iterator[tuple[int, str]]:
    yield 1 + bisect_left(breaks, cell.at), f"{_HEAD}{n}"
    for at, line in cell.lines:
        yield 1 + bisect_left(breaks, at), line.removesuffix("\n")


def _cells(text: str, at: int) -> Iterator[tuple[int, _Cell]]:
    """The cells of code that hold any, with their places among all cells, from 1."""
    for n, (start, _) in enumerate(_items(text, at), start=1):
        members = {key: (inner, value) for key, inner, value in _members(text, start)}
        source, lines = members.get("source", (0, None))
        if members.get("cell_type", (0, None))[1] == "code" and isinstance(lines, list) and lines:
            yield n, _Cell(source, tuple((inner, str(line)) for inner, line in _items(text, source)))


def _members(text: str, at: int) -> Iterator[tuple[str, int, object]]:
    """The members of the object that begins here: key, where the value begins, the value."""
    at = _after(text, at, "{")
    while text[at] != "}":
        key, at = _DECODER.raw_decode(text, at)
        start = _after(text, at, ":")
        value, end = _DECODER.raw_decode(text, start)
        yield str(key), start, value
        at = _next(text, end)


def _items(text: str, at: int) -> Iterator[tuple[int, object]]:
    """The items of the list that begins here: where each begins, and what it is."""
    at = _after(text, at, "[")
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield at, value
        at = _next(text, end)


def _next(text: str, at: int) -> int:
    """Where the next item or the end of its list is."""
    at = _blank(text, at)
    return _blank(text, at + 1) if text[at] == "," else at


def _after(text: str, at: int, mark: str) -> int:
    at = _blank(text, at)
    if text[at] != mark:
        raise ValueError(f"no {mark} at {at}")
    return _blank(text, at + 1)


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
