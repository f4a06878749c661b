"""What kind of work a prompt asks a sub-agent for, by rules that a person can check.

The words of a prompt say little about how hard a task is, so nothing is guessed: only where every sentence begins with
a verb of a short list of mechanical work, and nothing in the text sounds hard, is there an opinion at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Work that shows by itself whether it was done: finding and telling what is there.
READING = _words("""
    find search list locate look read summarize summarise report count show grep collect gather enumerate inventory open
    cite quote note which where
""")
#: The same of changes that leave nothing to decide.
CHANGING = _words("format rename bump")
#: What is asked for besides, where it may as well be a noun: behind "and".
MORE = _words("""
    implement add edit change modify fix refactor write create update remove delete replace port convert build make test
    run execute move extend wire apply generate install correct repair adjust split inline drop introduce document
    commit simplify clean explore trace describe map judge prove improve mend rework
""")

_HARD = re.compile(
    r"\b(?:architect\w*|re-?design\w*|design\w*|cross-cutting|trade-?offs?|secur\w*|vulnerab\w*|exploit\w*|threats?|"
    r"crypto\w*|penetration|rac(?:e|es|ing|y)|concurren\w*|dead-?locks?|lock(?:s|ing)|threads?|threading|atomic\w*|"
    r"consensus|distributed|transaction\w*|idempoten\w*|invariants?|algorithm\w*|numeric\w*|performan\w*|slow\w*|"
    r"optimi[sz]\w*|memory|leak\w*|data loss|corrupt\w*|causes?|incident|zero downtime|compatib\w*|migrat\w*|rewrite|"
    r"bugs?|defects?|flaws?|faults?|problems?|issues?|mistakes?|errors? in|wrong|broken|fail(?:s|ed|ing|ures?)?|flaky|"
    r"crash\w*|hangs?|regress\w*|correct\w*|prove|proof|safe|unsafe|why|how|debug\w*|diagnos\w*|investigat\w*|"
    r"decid\w*|evaluat\w*|assess\w*|audit\w*|review\w*|plan|explain|understand|ultrathink|"
    r"think (?:very )?(?:hard|hardest|deeply|carefully|step by step))\b|"
    r"across the (?:whole |entire )?(?:code ?base|repo(?:sitory)?|project)|(?:whole|entire) (?:code ?base|system)",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"[\n.;:!?]+\s+|\n")
#: Where something more may be asked for within a sentence.
_AND = re.compile(r",?\s+\b(?:and then|then|and)\b\s+|,\s+", re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:[-*•>#]+|\d+[.)]|please|next|first|second|third|finally|now|also|afterwards|carefully|quickly|just|"
    r"(?:can|could|would) you|you (?:should|must|need to|are to)|(?:your|the) (?:job|task|goal) is to|"
    r"(?:i|we) (?:need|want) you to|i'd like you to|help me(?: to)?|go and|try to)[\s,:]+",
    re.IGNORECASE,
)
_REFUSAL = re.compile(r"^(?:do not|don't|never|avoid|without|no)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)

#: A prompt with more characters or numbered steps than these is a long job.
LONG_PROMPT = 4000
MANY_STEPS = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """The cheapest tier that fits, None for no opinion; and why, in a few words."""

    tier: str | None
    why: str


def classify(prompt: str) -> Choice:
    """Say haiku for mechanical reading, sonnet for mechanical changes, and no opinion on anything else."""
    if hard := _hardness(prompt):
        return Choice(None, hard)
    verbs = list(dict.fromkeys(_verbs(prompt)))
    if others := [verb for verb in verbs if verb not in READING | CHANGING]:
        return Choice(None, f"it asks for more than finding and listing: {_named(others)}")
    if changing := [verb for verb in verbs if verb in CHANGING]:
        return Choice("sonnet", f"a change with nothing to decide: {_named(changing)}")
    return Choice("haiku", f"it only looks up: {_named(verbs)}") if verbs else Choice(None, "unclear what it asks for")


def _hardness(prompt: str) -> str:
    """What makes the prompt a hard one, empty when nothing does."""
    if found := _HARD.search(prompt):
        return f'it sounds hard: "{found[0]}"'
    if len(prompt) > LONG_PROMPT:
        return "it is long"
    return "it has many steps" if len(_NUMBERED.findall(prompt)) > MANY_STEPS else ""


def _verbs(prompt: str) -> Iterator[str]:
    """The first word of whatever is asked for, in lower case; what is forbidden is not asked for."""
    for sentence in _SENTENCES.split(prompt):
        first, *others = _AND.split(sentence)
        if first.strip() and not first.strip().isdecimal():
            yield from _verb(first)
        yield from (verb for more in others for verb in _verb(more) if verb in READING | CHANGING | MORE)


def _verb(step: str) -> Iterator[str]:
    asked = step.strip()
    while lead := _LEAD.match(asked):
        asked = asked[lead.end() :]
    if asked and not _REFUSAL.match(asked):
        yield re.split(r"[^\w-]", asked.lower(), maxsplit=1)[0]


def _named(verbs: list[str]) -> str:
    return ", ".join(verbs[:3])
