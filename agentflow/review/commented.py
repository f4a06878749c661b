"""What a comment on a pull request tells of a finding, of old versions as far as its words do."""

from __future__ import annotations

import html
import re
from typing import NamedTuple

from agentflow.domain.reviews import Remembered

#: The head of a comment: the marker, then severity and title; what follows the message is a fence or small print.
_HEAD = re.compile(r"<!--.*?-->\n\*\*(?P<severity>\w+): (?P<title>.*?)\*\*$\n*", re.MULTILINE)
_FOOT = re.compile(r"^(?:`{3,}suggestion|<sub>).*", re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"<sub>[^,`]*, `+ ?(?P<rule>[^`]*?) ?`+")


class _Words(NamedTuple):
    severity: str
    title: str
    message: str
    rule: str


def commented(fingerprint: str, file: str, identity: str, body: str) -> Remembered:
    """The finding that a comment with this text is about."""
    words = _words(body)
    return Remembered(fingerprint, file, identity, words.rule, words.title, words.message, severity=words.severity)


def _words(body: str) -> _Words:
    """What a comment says, for those of old versions: the text alone, without marks."""
    head, rule = _HEAD.match(body), _RULE.search(body)
    message = _FOOT.sub("", body[head.end() :]) if head else ""
    title = head["title"] if head else ""
    return _Words(head["severity"] if head else "", _bare(title), _bare(message), _bare(rule["rule"]) if rule else "")


def _bare(text: str) -> str:
    return html.unescape(re.sub(r"\\(?=\W)", "", text)).strip()
