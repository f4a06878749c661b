"""The content of what is said of a defect: stems of its words, without those that say nothing about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.review.kinds import plain

#: Words that any text about code has.
_WORDS = """
    a an the this that these those it its they them their there here which who what when where while if then else than
    so as at by for from in into of off on onto out over to up with without within and or nor not no but also only just
    be is are was were been being am do does did done has have had having can could may might must shall should will
    would cannot dont doesnt isnt wont any all each every some one two first line lines code function method call calls
    called caller callers value values case cases way thing because since still even via per about such same other
    another more most very too yet e g i ie eg etc use uses used using get gets make makes made happens happen occurs
    occur leads lead cause causes caused result results raises raise throws throw thrown fails fail failure crash
    crashes error errors exception bug issue problem defect now never always we you your new old
"""
_EMPTY = frozenset(_WORDS.split())
#: Different words for one thing.
_MEANS = {
    "null": "none", "nil": "none", "undefin": "none", "nonetyp": "none",
    "0": "zero", "divid": "divis", "divisor": "divis", "denomin": "divis",
    "array": "list", "sequenc": "list", "item": "elem", "entri": "elem", "record": "elem", "row": "elem",
    "directori": "folder", "dir": "folder", "argument": "param", "args": "param", "arg": "param", "paramet": "param",
    "bound": "range", "index": "range", "delet": "remov", "discard": "drop", "ignor": "drop", "swallow": "drop",
    "concat": "interpol", "mutex": "lock", "synchron": "lock", "concurr": "race", "parallel": "race",
    "thread": "race", "credenti": "secret", "passwor": "secret", "token": "secret", "dict": "map", "quadrat": "slow",
    "fd": "handl", "descrip": "handl",
}  # fmt: skip
_ENDINGS = re.compile(r"(?:ization|isation|ations?|ements?|ingly|edly|ings?|ions?|ied|ies|ers?|ed|es|ly|al|s|e)$")
#: Letters of a stem: more differ between forms of one word.
_STEM = 7


def stems(text: str) -> frozenset[str]:
    """The stems of the words that say something, one for each meaning."""
    return frozenset(_stems(text))


def _stems(text: str) -> Iterator[str]:
    for word in plain(text).replace("/", " ").replace(".", " ").replace("+", " ").split():
        if word in _EMPTY or (len(word) == 1 and not word.isdigit()):
            continue
        stem = stemmed(word)
        yield _MEANS.get(stem, stem)


def stemmed(word: str) -> str:
    """The word without its ending, if enough is left of it."""
    cut = _ENDINGS.sub("", word)
    cut = cut if len(cut) >= 3 else word
    return cut[:_STEM]
