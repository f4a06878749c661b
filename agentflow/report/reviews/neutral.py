"""Names, code and models' words as Markdown that shows them and does nothing else.

GitHub looks for mentions, issue numbers and addresses in the rendered text, where a backslash no longer protects:
those are broken up by a space of no width.
"""

from __future__ import annotations

import re

from agentflow.domain.text import shown

_BREAK = re.compile(r"\r\n|\n|\r")
_NO_WIDTH = "&#8203;"
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ACTIVE = re.compile(r"[&<>]|[\\`*_\[\]~|$]|@|#|://|www(?=\.)|gh-(?=\d)", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BROKEN = {"@": "@" + _NO_WIDTH, "://": f":{_NO_WIDTH}//"}
#: What makes a list, a rule or a heading of the line that starts with it, or a command of a line in a job's log.
_LEAD = re.compile(r"^(\d*)([-+=:]|[.)](?:\s|$))")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#_-]*")


def inline(text: str) -> str:
    """Prose on one line. `code` between backticks stays code; everything else is read as plain words."""
    return _spans(" ".join(text.split()))


def block(text: str) -> str:
    """Prose with its lines and paragraphs kept."""
    paragraphs = re.split(r"\n[^\S\n]*\n", "\n".join(text.splitlines()))
    blocks = ("\\\n".join(filter(None, map(inline, paragraph.split("\n")))) for paragraph in paragraphs)
    return "\n\n".join(filter(None, blocks))


def code_span(text: str) -> str:
    """A name or a piece of code within a line; empty for nothing."""
    code = shown(text)
    fence = "`" * (_longest_run(code) + 1)
    padding = " " if code[:1] in {"`", " "} or code[-1:] in {"`", " "} else ""
    return f"{fence}{padding}{code}{padding}{fence}" if code else ""


def fenced(code: str, language: str = "") -> str:
    """Lines of code, in a fence that nothing within can close. Unseen characters are written out, tabs are kept."""
    fence = "`" * max(3, _longest_run(code) + 1)
    lines = ("\t".join(map(shown, line.split("\t"))) for line in _BREAK.split(code))
    return "\n".join([fence + _language(language), *lines, fence])


def _spans(line: str) -> str:
    """The line with its code spans made anew and the words between them neutral."""
    told, at = [], 0
    for span in _SPAN.finditer(line):
        told += [_words(line[at : span.start()], first=at == 0), code_span(span[2])]
        at = span.end()
    return "".join([*told, _words(line[at:], first=at == 0)])


def _words(text: str, *, first: bool) -> str:
    plain = _ACTIVE.sub(_harmless, shown(text))
    return _LEAD.sub(r"\1\\\2", plain) if first else plain


def _harmless(found: re.Match[str]) -> str:
    what = found[0]
    if what in _ENTITIES:
        return _ENTITIES[what]
    if what in _BROKEN:
        return _BROKEN[what]
    if what == "#":
        return "\\#" + (_NO_WIDTH if found.string[found.end() :][:1].isdigit() else "")
    return what + _NO_WIDTH if len(what) > 1 else "\\" + what


def _longest_run(code: str) -> int:
    return max(map(len, re.findall("`+", code)), default=0)


def _language(language: str) -> str:
    return language if _LANGUAGE.fullmatch(language) else ""
