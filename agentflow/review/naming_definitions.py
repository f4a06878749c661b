"""What definitions are called: the name alone, since a parameter more makes no other function of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentflow.review.definitions import Definition

#: Characters of a line that are looked at.
_WIDTH = 400
_KEYWORD = re.compile(
    r"(?<![\w$.])(?:def(?:p|module|macro|protocol|impl)?|class|interface|struct|enum|trait|protocol|union|record|namespace"
    r"|module|object|extension|actor|mod|type|function|fn|fun|func|sub|macro_rules!)\b\s*\*?\s*(?=[\w$~])"
)
_RECEIVER = re.compile(r"\s*func\s*\([^)]*\)\s*(\w+)")
_IMPLEMENTS = re.compile(r"\s*(?:unsafe\s+)?impl\b\s*(?:<[^{]*?>\s*)?(.*?)\s*(?:\{|where\b|$)")
_NAME = re.compile(r"[\w$~.:]*[\w$~]")


def holders(found: Sequence[Definition], line: int) -> list[Definition]:
    """The definitions around this line (1-based), outermost first; their own first lines count as held."""
    return [one for one in found if one.first <= line <= one.last]


def name_of(line: str) -> str:
    """What the definition that begins on this line is called; its text where no name is found."""
    text = line[:_WIDTH]
    if receiver := _RECEIVER.match(text):
        return receiver[1]
    if implemented := _IMPLEMENTS.match(text):
        return " ".join(implemented[1].split())
    head = re.split(r"[(={<]", text, maxsplit=1)[0]
    keywords = list(_KEYWORD.finditer(head if head.strip() else text))
    if keywords and (named := _NAME.match(text, keywords[-1].end())):
        return named[0]
    names = _NAME.findall(head.split(":")[0])
    return names[-1] if names else text.strip()
