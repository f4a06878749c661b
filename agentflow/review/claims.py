"""What a finding says is wrong, as far as two wordings of it agree."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from agentflow.domain.findings import Severity
from agentflow.review.kinds import kinds_in
from agentflow.review.wording import stems

#: Hexadecimal digits of a hash that is compared with a few others of the same file.
_DIGITS = 8
#: Characters of a text that count. Stems of a message, beside those of the title.
_MESSAGE, _STEMS = 2_000, 40


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said to be wrong. `rank` is the severity's, None when it is not known.

    `kinds` are those that rule and title name, `hints` those of the message; `subjects` the names in the code that it
    is about; `words` the stems of all its words, `heading` those of the title.
    """

    kinds: frozenset[str]
    hints: frozenset[str]
    subjects: frozenset[str]
    heading: frozenset[str]
    words: frozenset[str]
    rank: int | None = None


def claim_of(rule: str, title: str, message: str, code: str, severity: Severity | None) -> Claim:
    """What these words say about this code."""
    said = message[:_MESSAGE]
    kinds = frozenset(kinds_in(rule)) | frozenset(kinds_in(title[:_MESSAGE]))
    mine = set(identifiers(code))
    subjects = (mine & set(identifiers(title))) or (mine & set(identifiers(said)))
    headed = stems(title[:_MESSAGE])
    words = headed | frozenset(sorted(stems(said) - headed)[:_STEMS])
    return Claim(
        kinds=kinds,
        hints=frozenset(kinds_in(said)) - kinds,
        subjects=frozenset(map(hashed, subjects)),
        heading=frozenset(map(_short, headed)),
        words=frozenset(map(_short, words)),
        rank=None if severity is None else severity.rank,
    )


def identifiers(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d]\w*", text) if len(word) > 1 and word not in _GRAMMAR]


#: Words of languages, which name nothing.
_WORDS = """
    if else elif for while return def class function func fn var let const new await async yield in is not and or try
    except catch finally raise throw throws import from as with none true false null undefined self this int str float
    bool string void public private static final None True False the it an on to of be by no do at than then when can
"""
_GRAMMAR = frozenset(_WORDS.split())


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _short(stem: str) -> str:
    """Words are compared as sets of a few dozen: a rare chance likeness does not matter."""
    return hashed(stem)[:4]
