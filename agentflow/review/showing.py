"""Code as a reviewer reads it: numbered, its changes marked, and never more than text.

Every token of every line is paid for, so a line costs its number and one mark: `12 code` as it was, `12+code` added or
changed, `-code` removed just here. Numbers are not padded: the mark is the first character that is no digit. Since each
line begins with a number or `-`, no line of a file can pass for a frame.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Literal

from agentflow.domain.reviews import Part
from agentflow.domain.untrusted import inert_line, quoted
from agentflow.review.definitions import signatures
from agentflow.review.source import Source
from agentflow.review.text import tokens

#: Characters of one line that are shown. Code is shorter; what is not is minified or data.
WIDTH = 2_000
#: Characters of a path; no file system has a longer one, though a tree of git may.
LONGEST_NAME = 4_096
#: Removed lines that are shown in one place, half of them from its start, half from its end.
MOST_REMOVED = 300


def show(source: Source, part: Part) -> str:
    """The part between tags that say where it is from and that it is data."""
    body = "\n".join(line for n in range(part.first, part.last + 1) for line in lines_at(source, n))
    return f"{opening(source, part.first, part.last)}{body}{CLOSING}"


def opening(source: Source, first: int, last: int) -> str:
    name, total = shown_name(source.path), len(source.lines)
    return f'<untrusted source="{name} lines {first}-{last} of {total}">\n'


CLOSING = "\n</untrusted>"


def lines_at(source: Source, n: int) -> Iterator[str]:
    """What is shown for line `n`: the lines removed before it, itself, and after the last one those removed there."""
    yield from _removed(source.removed.get(n, ()))
    if source.read is None or n in source.read:
        yield _numbered(source, n, source.lines[n - 1])
    if n == len(source.lines):
        yield from _removed(source.removed.get(n + 1, ()))


def shown_name(path: str) -> str:
    """A file's name as reviewers are given it: on one line, and no quote or angle bracket in it."""
    return quoted(path[:LONGEST_NAME])


def shown_line(line: str) -> str:
    """A line of code as reviewers see it: what is unseen or steers a screen written out, at most `WIDTH` long."""
    cut = line[:WIDTH]
    more = f" … {len(line) - WIDTH} more characters, not shown" if len(line) > WIDTH else ""
    return inert_line(cut) + more


def cut_lines(source: Source) -> tuple[int, ...]:
    """The lines (1-based) that are too long to be shown whole: no reviewer has seen their ends."""
    return tuple(n for n, line in enumerate(source.lines, start=1) if len(line) > WIDTH)


def cut_removals(source: Source) -> tuple[int, ...]:
    """The lines (1-based) before which more was removed than is shown."""
    return tuple(n for n, lines in source.removed.items() if len(lines) > MOST_REMOVED)


def outline(sources: Sequence[Source], limit: int) -> str:
    """The signatures of every file, with their lines, in at most `limit` tokens; "" if there are none or no room.

    It is text for a frame of the caller's, which it cannot close. When it is too long, definitions nested in methods
    go first, then all nested ones, then the last files. What was left out is said at the end.
    """
    found = ((source, signatures(source.lines)) for source in sources)
    files = [(source, those) for source, those in found if those]
    if not files:
        return ""
    bare = len(sources) - len(files)
    for depth, left_out in ((None, ""), (1, "what is nested deeper"), (0, "what is nested")):
        sections = [_section(source, those, depth) for source, those in files]
        text = _outlined(sections, 0, left_out, bare)
        if tokens(text) <= limit:
            return text
    return _shortened(sections, left_out, bare, limit)


def _numbered(source: Source, n: int, text: str) -> str:
    mark: Literal[" ", "+"] = "+" if source.changed is not None and source.is_changed(n, n) else " "
    return f"{n}{mark}{shown_line(text)}"


def _removed(lines: Sequence[str]) -> list[str]:
    half = MOST_REMOVED // 2
    if len(lines) <= MOST_REMOVED:
        return [f"-{shown_line(line)}" for line in lines]
    between = f"- … {len(lines) - 2 * half} more removed lines, not shown"
    return [*_removed(lines[:half]), between, *_removed(lines[-half:])]


def _section(source: Source, found: Sequence[tuple[int, str]], depth: int | None) -> str:
    kept = [one for one, level in zip(found, _levels(found), strict=True) if depth is None or level <= depth]
    return "\n".join([f"{shown_name(source.path)}:", *(_numbered(source, n, text) for n, text in kept)])


def _levels(found: Sequence[tuple[int, str]]) -> list[int]:
    """How deep each signature is nested, by the indentations of those above it."""
    levels, above = [], list[int]()
    for _, text in found:
        indent = len(text) - len(text.lstrip())
        while above and above[-1] >= indent:
            above.pop()
        levels.append(len(above))
        above.append(indent)
    return levels


def _outlined(sections: Sequence[str], unlisted: int, left_out: str, bare: int) -> str:
    missing = [
        f"files without definitions ({bare})" if bare else "",
        left_out,
        f"more files ({unlisted})" if unlisted else "",
    ]
    told = ", ".join(one for one in missing if one)
    return "\n".join([*sections, *([f"Left out: {told}."] if told else [])])


def _shortened(sections: Sequence[str], left_out: str, bare: int, limit: int) -> str:
    def first(kept: int) -> str:
        return _outlined(sections[:kept], len(sections) - kept, left_out, bare)

    fitting = bisect_right(range(1, len(sections)), limit, key=lambda kept: tokens(first(kept)))
    return first(fitting) if fitting else ""
