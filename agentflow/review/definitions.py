"""Where functions and classes begin and end, in any common language, by the look of the lines.

There is no parser: a definition is a line that begins with a word such as `def`, `class`, `func` or `fn`, a name that a
function is assigned to, or a name with parameters before an opening brace; indentation tells what it holds. A miss or a
false find only makes a cut less happy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

#: Characters of a line that are looked at; lines that a parameter list may take, and parentheses open at once in it.
_WIDTH = 400
_REACH = 25
_DEPTH = 8

_BEGINS = re.compile(
    r"""\s*
    (?:(?:export|default|declare|public|private|protected|internal|static|abstract|final|sealed|open|override|virtual
        |async|inline|unsafe|const|data|partial|suspend|local|mutating|case|enum|fileprivate|annotation|inner|lateinit
        |pub(?:\([^)]*\))?|extern(?:\s+"[^"]*")?)\s+)*
    (?:
        def(?:p|module|macro|protocol|impl)?\s+[\w(]
      | (?:class|interface|struct|enum|trait|protocol|union|record|namespace|module|object|extension|actor|mod)
        \s+(?:[\w.:\\]+|<<\s*\w+)\s*(?:[({<:\[]|$|(?:extends|implements|where|final|private|permits)\b)
      | type\s+\w+\s*(?:<[^=]*>|\[[^=]*\])?\s*(?:=|struct\b|interface\b|func\b|map\b|[\w.*\[\]]+$)
      | impl\b\s*[<\w]
      | func\s+(?:\([^)]*\)\s*)?\w+\s*[(\[<]
      | fun\s+[^\s(][^(]*\(
      | fn\s+\w+\s*[<(]
      | function\s*\*?\s*[\w$:.-]*\s*(?:[({<]|$)
      | sub\s+\w+\s*(?:[({]|$)
      | macro_rules!\s*\w
    )""",
    re.VERBOSE,
)
#: What holds functions; no function whose result is such a thing.
_TYPE = re.compile(
    r"[^({=]*\b(?:class|interface|struct|enum|trait|protocol|union|record|namespace|module|defmodule|object|extension"
    r"|actor|mod|type|impl)(?:\s+|(?=<))(?![\w:]+[\s*&]+\w+\s*\()[\w<:]"
)
_NAMED = r"\s*(?:export\s+)?(?:(?:const|let|var|static|readonly|public|private)\s+)*[\w$.#]+\s*(?::[^=(]*)?[=:]\s*"
_ASSIGNED = re.compile(_NAMED + r"(?:async\s+)?(?:function\b|class\b|[\w$]+\s*=>)")
_ASSIGNED_ARROW = re.compile(_NAMED + r"(?:async\s*)?(?:<[^()]*>)?\(")
_CALLABLE = re.compile(r"\s*(?=[\w$~#])(?:[\w$<>\[\],.?*&:~]+\s+)*[*&]*[~#]?[\w$:~.]+\s*(?:<[^()]*>)?\s*\(")
_NO_DEFINITION = re.compile(
    r"""\b(?:
        if|else|elif|for|foreach|while|until|unless|do|switch|match|case|when|catch|try|except|finally|with|using|lock
        |synchronized|guard|select|go|defer|return|throw|raise|yield|await|new|delete|not|assert|print|import|super|this
    )\b""",
    re.VERBOSE,
)
_BODY = re.compile(r"\s*(?:\{|(?::|->|(?:const|noexcept|override|final|throws|rethrows|async|where|try)\b)[^;]*\{)")
_BODY_BELOW = re.compile(r"\s*(?:(?:const|noexcept|override|final|throws|where)\b[^;{]*)?$")

#: What belongs to the definition below it: decorators, attributes, comments, template parameters.
_LEADS = re.compile(r"\s*(?:@|#!?\[|//|/\*|\*|#(?:[\s#]|$)|--(?:\s|$)|\[.*\]\s*$|template\s*<)")
_CLOSES_LEAD = re.compile(r"\s*[)\]}]+\s*$")
#: Lines at a definition's own indentation that do not end it.
_CONTINUES = re.compile(r"\s*(?:[)\]{]|(?:public|private|protected)\s*:|#\s*(?:if|el|endif|define)|$)")
_ENDS = re.compile(r"\s*(?:\}|end\b)")


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, class or type: it begins on `line`, with its decorators and comments on `first`; 1-based.

    `is_type`: it is something that holds functions, such as a class or a module.
    """

    first: int
    line: int
    last: int
    indent: int
    is_type: bool = False


def definitions(lines: Sequence[str]) -> tuple[Definition, ...]:
    """All of them in their order, so that an outer one comes before those it holds."""
    found = [n for n in range(1, len(lines) + 1) if _is_definition(lines, n)]
    lasts = _lasts(lines, frozenset(found))
    return tuple(
        Definition(
            leads_from(lines, n), n, lasts[n], indent_of(lines[n - 1]), _TYPE.match(lines[n - 1][:_WIDTH]) is not None
        )
        for n in found
    )


def signatures(lines: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Line (1-based) and text of every definition, parameters that span lines joined, indentation kept."""
    return tuple((n, _signature(lines, n)) for n in range(1, len(lines) + 1) if _is_definition(lines, n))


def enclosing(lines: Sequence[str], line: int) -> str:
    """The definition line, stripped, of what holds this line (1-based); "" if nothing does.

    It is the nearest one above with a smaller indentation than every statement on the way.
    """
    level = next((indent_of(text) for text in lines[line - 1 :] if text.strip()), 0)
    for n in range(line - 1, 0, -1):
        text = lines[n - 1]
        indent = indent_of(text)
        if indent >= level or _CONTINUES.match(text) or _ENDS.match(text):
            continue
        if _is_definition(lines, n):
            return text.strip()
        if not _LEADS.match(text):
            level = indent
    return ""


def indent_of(line: str) -> int:
    """Columns of leading space, a tab counted as up to four."""
    head = line[:_WIDTH].expandtabs(4)
    return len(head) - len(head.lstrip())


def _is_definition(lines: Sequence[str], n: int) -> bool:
    line = lines[n - 1][:_WIDTH]
    if _BEGINS.match(line) or _ASSIGNED.match(line):
        return True
    if arrow := _ASSIGNED_ARROW.match(line):
        return "=>" in _after_parameters(lines, n, arrow.end() - 1)[0]
    return _is_braced(lines, n, line)


def _is_braced(lines: Sequence[str], n: int, line: str) -> bool:
    """Whether it is a name with parameters and a body in braces, as in C, Java, shell or a JavaScript class."""
    opened = _CALLABLE.match(line)
    if not opened or _NO_DEFINITION.search(opened[0]):
        return False
    rest, end = _after_parameters(lines, n, opened.end() - 1)
    if _BODY.match(rest):
        return True
    below = next((text.lstrip() for text in lines[end : end + 3] if text.strip()), "")
    return bool(end) and _BODY_BELOW.match(rest) is not None and below.startswith("{")


def _after_parameters(lines: Sequence[str], n: int, column: int) -> tuple[str, int]:
    """What follows the parenthesis that closes the one at `column` of line `n`, and its line; ("", 0) if none does."""
    depth = 0
    for number, line in enumerate(lines[n - 1 : n - 1 + _REACH], start=n):
        start = column if number == n else 0
        for at in re.finditer(r"[()]", line[start:_WIDTH]):
            depth += 1 if at[0] == "(" else -1
            if depth == 0:
                return line[start + at.end() : _WIDTH], number
            if depth > _DEPTH:
                return "", 0
    return "", 0


def leads_from(lines: Sequence[str], n: int) -> int:
    """Where the decorators and comments begin that stand directly above line `n`; `n` itself without any."""
    first = n
    while first > 1 and (above := _lead_above(lines, first, indent_of(lines[n - 1]))):
        first = above
    return first


def _lead_above(lines: Sequence[str], n: int, indent: int) -> int:
    """The line where the decorator or comment that ends directly above line `n` begins; 0 if there is none."""
    line = lines[n - 2]
    if _LEADS.match(line[:_WIDTH]):
        return n - 1 if indent_of(line) - indent in {0, 1} else 0
    if not _CLOSES_LEAD.match(line[:_WIDTH]) or indent_of(line) != indent:
        return 0
    above = range(n - 2, max(0, n - 2 - _REACH), -1)
    opened = next((m for m in above if lines[m - 1].strip() and indent_of(lines[m - 1]) <= indent), 0)
    return opened if opened and lines[opened - 1].lstrip().startswith(("@", "#[", "[")) else 0


def _lasts(lines: Sequence[str], found: Collection[int]) -> dict[int, int]:
    """By the line where a definition begins, its last one: before the next of no greater indentation, or its brace."""
    lasts: dict[int, int] = {}
    unended: list[tuple[int, int]] = []
    previous = 0
    for n, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        indent = indent_of(line)
        while unended and indent <= unended[-1][0] and not _CONTINUES.match(line):
            level, begun = unended.pop()
            lasts[begun] = n if level == indent and _ENDS.match(line) else previous
        if n in found:
            unended.append((indent, n))
        previous = n
    return lasts | {begun: previous for _, begun in unended}


def _signature(lines: Sequence[str], n: int) -> str:
    line = lines[n - 1][:_WIDTH]
    column = line.find("(")
    _, end = _after_parameters(lines, n, column) if column >= 0 else ("", n)
    if end <= n:
        return line.rstrip()
    inner = " ".join(text.strip() for text in lines[n:end])
    return f"{line.rstrip()} {inner}"[:_WIDTH]
