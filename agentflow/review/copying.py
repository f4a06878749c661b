"""A quoted line in the forms in which models copy it: numbered, marked, cut short, with a remark behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Less than this is a part of almost every line; and so much must be left of a line with gaps.
SHORTEST_PART = 4
_SHORTEST_GAPPED = 8

_NUMBER = re.compile(r"^\d+(?:\s?[|:│→]|(?=[+-])|\s|$)\s*")
_MARK = re.compile(r"^[+-]\s*")
_CUT = re.compile(r"\s*(?:\.{3}|…)$")
_ELLIPSIS = re.compile(r"\s*(?:/\*|\[|\(|<)?\s*(?:\.{3,}|…|⋯)\s*(?:\*/|\]|\)|>)?\s*(?=\S)|\s*(?:\.{3,}|…|⋯)\s*")
_GAP = re.compile(r"^(?:#|//|/\*|--|;)?\s?\[?(?:\.{3,}|…)\]?\s?(?:\*/)?$")
#: Where a line stands, as searches, editors and prose put it in front of the line; and the marks of lists and prompts.
_WHERE = re.compile(
    r"^(?:(?:[\w.@+/\\-]*[\w-]\.\w+|in|at|on)[:#,\s]\s*)?[\[(*]*(?:(?:L|#|lines?[\s:]*)\s?\d+|\d+)(?:\s?[-–:]\s?L?\d+)?[\])*]*"
    r"\s*(?:[|:│→.)=-]|[-=]?>)?\s*",
    re.IGNORECASE,
)
_LISTED = re.compile(r"^(?:(?:[-=]*>{1,3}|[→*•·‣|]|\$|\.{3}|-(?=\s)|\d{1,2}[.)]|\([a-z\d]\))\s*)+")
_AROUND = re.compile(r"^(?:[`*_|\"'“”‘’]|</?\w+>)+|(?:[`*_|\"'“”‘’]|</?\w+>)+$")
_DRESS = (_LISTED, _WHERE, _MARK, _AROUND)
#: What comes behind the code of a line, for whoever reads the quotation.
_LEADER = r"(?:#+|//+|--+|/\*+|<!--|;+|%+|\(\*|REM\b|')"
_ARROW = r"(?:<(?:-{1,3}|={1,3})|←|⟵|⬅|<<<|\^{2,}|👈)"
_WORDS = r"[^\W\d_][^\W\d_'’-]+[,.:;!?]*\s+[^\W\d_]+"
_TAG = r"(?:BUG|TODO|FIXME|NOTE|HERE|WRONG|ERROR|ISSUE|PROBLEM|XXX|DEFECT|here|bug|wrong)\b"
_REMARK = re.compile(rf"\s+(?:(?:{_LEADER}\s*)?{_ARROW}|{_LEADER}\s*(?:{_WORDS}|{_TAG})|\((?:{_WORDS}|{_TAG}|line \d))")
_COMMENT = rf"(?:\s*{_LEADER}.*)?"


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a line may be to be the quoted one: one of `whole`, or hold one of `parts`, or match one of `patterns`."""

    whole: frozenset[str]
    parts: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def is_line(self, line: str) -> bool:
        return (
            line in self.whole
            or any(part in line for part in self.parts)
            or any(re.search(pattern, line) for pattern in self.patterns)
        )


def exact(line: str) -> Quoted:
    return Quoted(frozenset({line}))


def copied(line: str) -> Quoted:
    """The line, or a part of it, with what a reviewer was shown in front of it."""
    unmarked = _MARK.sub("", line)
    copies = (line, unmarked, _NUMBER.sub("", line), _NUMBER.sub("", unmarked), bare(line))
    forms = (form for copy in copies for form in (copy, copy.strip("`"), _CUT.sub("", copy)))
    return _holding(frozenset(form for form in forms if form))


def dressed(line: str) -> Quoted:
    """The line, or a part of it, with what people put around code that they quote."""
    bared = {line}
    for pattern in _DRESS * 2:
        bared |= {pattern.sub("", one).strip() for one in bared}
    return _holding(frozenset(one for one in bared if one))


def whole(line: str) -> Quoted:
    """The line from end to end, with what people put around it."""
    return Quoted(dressed(line).whole)


def remarked(line: str) -> Quoted:
    """The line before a remark, and the line with gaps in it. A line of the file must then be it from end to end."""
    bared = [one for one in dressed(line).whole if len(one) >= SHORTEST_PART]
    cuts = {one[: found.start()].strip() for one in bared for found in _REMARK.finditer(one)}
    whole = (f"^{re.escape(form)}{_COMMENT}$" for form in sorted({form for cut in cuts for form in dressed(cut).whole}))
    return Quoted(frozenset(), (), tuple(dict.fromkeys([*whole, *filter(None, map(_gapped, bared))])))


def pieces(line: str) -> list[str]:
    """What stands before, between and after the ellipses of a line."""
    return [piece.strip() for piece in _ELLIPSIS.split(line) if piece.strip()]


def bare(line: str) -> str:
    """The line without the number and the mark that a reviewer sees in front of it."""
    return _MARK.sub("", _NUMBER.sub("", line))


def is_gap(line: str) -> bool:
    """Whether it stands for lines that were left out."""
    return _GAP.match(bare(line)) is not None


def _holding(forms: frozenset[str]) -> Quoted:
    return Quoted(forms, tuple(sorted(form for form in forms if len(form) >= SHORTEST_PART)))


def _gapped(line: str) -> str:
    parts = pieces(line)
    enough = parts != [line] and sum(map(len, parts)) >= _SHORTEST_GAPPED
    return ".*".join(map(re.escape, parts)) if enough else ""
