"""From what a model gave as a quotation to the code in it: escapes, fences, captions and prose taken away."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from agentflow.review.text import lines_of

#: So many characters of code between backticks that it must stand in the file; and so many that one may prove.
_SUBSTANTIAL, _ENOUGH = 12, 6

_UNIFORM = str.maketrans(
    {
        **dict.fromkeys('‘’‚‛“”„‟«»‹›′″"', "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys(map(chr, range(0xFE00, 0xFE10)), ""),
    }
)
_SHOWN = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_ESCAPE = re.compile(r"\\([ntr\"'\\/]|(?=_|[^\w\s]))")
_ESCAPED = {"n": "\n", "t": " ", "r": ""}
_SQUEEZED = re.compile(r"\\[ntr]|\\(?=_|[^\w\s])|\s")
_FENCED = re.compile(
    r"^[ \t>]*(?:`{3,}|~{3,})[^\n]*\n(.*?)(?:^[ \t>]*(?:`{3,}|~{3,})[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)|<code>(.+?)</code>", re.DOTALL)
#: What a name alone has not; and what prose has not.
_CODE = re.compile(r"[^\w\s.]")
_STATEMENT = re.compile(r"[=(){}\[\];<>]")
_JOINT = re.compile(r"\s*[⏎↵¶]\s*|\s+(?:/|\|)\s+|(?<=[;{}])\s+(?=\S)")
_HEADER = re.compile(r"^(?:@@ .*|diff --git .*|index [0-9a-f]+\.\..*|(?:---|\+\+\+) \S.*|</?untrusted.*|</?\w+>)$")
_KEYWORD = re.compile(
    r"(?:if|elif|else|elsif|unless|for|foreach|while|until|with|try|except|catch|finally|def|class|fn|func|fun|function"
    r"|return|import|from|use|package|case|match|switch|when|do|end|begin|select|insert|update|delete|where|and|or|not"
    r"|let|var|const|val|public|private|static|async|await|raise|throw|yield|assert|print|echo|type|struct|enum|impl)\b"
)
#: A line's number in words, with the line behind it.
_PLACED = re.compile(r"(?:L|lines?\s*)\d+(?:\s?-\s?\d+)?\s*[:,.-]\s*\S", re.IGNORECASE)
_BEFORE_PLACES = frozenset({"in", "at", "see", "line", "lines", "file", "from"})
_WORD = re.compile(r"[\"'(]?[^\W\d_][^\W\d_'’-]*[\"')]?[,.:;!?…]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """Code taken out of a quotation: lines one after the other, or else pieces of which each stands somewhere."""

    lines: tuple[str, ...]
    scattered: bool = False


def readings(quotation: str) -> tuple[Reading, ...]:
    """From the strictest: unescaped, then what is marked as code, then what is left without captions and prose."""
    found = [_lined(quotation), _lined(unescaped(quotation)), *_marked(quotation), *_marked(unescaped(quotation))]
    found += [_unworded(one) for one in found if not one.scattered]
    found += [Reading(tuple(part for line in one.lines for part in _JOINT.split(line) if part)) for one in found[:2]]
    return tuple(dict.fromkeys(one for one in found if one.lines))


def uniform(text: str) -> str:
    """One form for what looks alike: Unicode, quotes, dashes, unseen characters, white space."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(letter for letter in text if letter.isprintable() or letter.isspace())
    return " ".join(text.translate(_UNIFORM).split())


def squeezed(text: str) -> str:
    """Its characters, without white space and the escapes for it."""
    return _SQUEEZED.sub("", text)


def unescaped(text: str) -> str:
    r"""Without HTML's escapes, those of JSON strings and Markdown, and those for unseen characters (`\u200b`)."""
    text = _SHOWN.sub(_character, html.unescape(text))
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text)


def _character(found: re.Match[str]) -> str:
    code = int(found[found.lastindex or 0], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else found[0]


def _lined(text: str) -> Reading:
    """Its lines, without those that are nothing but quotes and without a diff's own."""
    return Reading(
        tuple(line for line in map(uniform, lines_of(text)) if line.strip("'`*") and not _HEADER.match(line))
    )


def _marked(text: str) -> Iterator[Reading]:
    """Fenced blocks; without any, the pieces between backticks, of which the longest comes first."""
    if blocks := _FENCED.findall(text):
        yield _lined("\n".join(blocks))
        return
    spans = sorted((uniform(found[2] or found[3] or "") for found in _SPAN.finditer(text)), key=_size, reverse=True)
    proves = spans and _size(spans[0]) >= _ENOUGH and _CODE.search(spans[0])
    if proves and not _STATEMENT.search(_SPAN.sub("", text)):
        yield Reading((spans[0], *(span for span in spans[1:] if _size(span) >= _SUBSTANTIAL)), scattered=True)


def _size(span: str) -> int:
    return len(squeezed(span))


def _unworded(reading: Reading) -> Reading:
    return Reading(tuple(line for line in reading.lines if not is_prose(line)))


def is_prose(line: str) -> bool:
    """Whether a line is a sentence or a caption rather than code."""
    if placed := _PLACED.match(line):
        return is_prose(line[placed.end() - 1 :])
    words = line.split()
    starts = line[:1].isupper() and line[1:2].islower()
    if len(words) == 1:
        return starts and line.endswith(":") and _WORD.fullmatch(line) is not None
    plain = 2 * sum(_WORD.fullmatch(word) is not None for word in words) > len(words)
    if plain and len(words) >= 4 and line.endswith((".", "!", "…")):
        return True
    if _KEYWORD.match(line) or line.endswith(","):
        return False
    if line.endswith(":") and _WORD.fullmatch(words[0]) and (starts or words[0] in _BEFORE_PLACES):
        return True
    return plain and ((line.endswith((".", ":", "!", "?", "…")) and len(words) >= 3) or (starts and len(words) >= 5))
