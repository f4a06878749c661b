"""What kind of work a prompt asks a sub-agent for, by rules that a person can check.

The words of a prompt say little about how hard a task is, so nothing is guessed: what is asked for is read from the
verbs that begin its sentences, and a prompt that has none of the known ones, or that sounds hard, gets no opinion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


READING = _words("""
    find search list locate look read summarize summarise explain describe report count show grep explore trace identify
    collect gather scan map enumerate inventory extract outline browse tell note check see cite quote open
    which where what who when
""")
#: What changes files or runs commands.
WRITING = _words("""
    implement add edit change modify fix refactor rename write create update remove delete replace port convert build
    make test run execute format bump move extend wire apply generate install correct repair adjust split inline drop
    introduce document commit simplify clean
""")
#: What needs judgement, whatever else is asked for.
JUDGING = _words("review design plan decide debug diagnose investigate evaluate assess audit prove optimize why")

_HARD = re.compile(
    r"architect\w*|redesign\w*|cross-cutting|trade-?offs?|security|vulnerab\w*|exploit\w*|threat model\w*|"
    r"cryptograph\w*|penetration|race conditions?|deadlocks?|data loss|memory leaks?|root cause|production incident|"
    r"zero downtime|backwards? compatib\w*|migrat(?:e|ion|ions|ing)|rewrite|ultrathink|"
    r"think (?:very )?(?:hard|hardest|deeply|carefully|step by step)|"
    r"across the (?:whole |entire )?(?:code ?base|repo(?:sitory)?|project)|(?:whole|entire) (?:code ?base|system)",
    re.IGNORECASE,
)
_READ_ONLY = re.compile(
    r"read[- ]only|(?:do not|don't|never|without) (?:edit|chang|modif|writ|touch)\w*", re.IGNORECASE
)
#: Where something new may be asked for: a line, a sentence, or what follows "then" or "and".
_STEPS = re.compile(r"[\n.;:!?]+\s+|\n|,?\s+\b(?:and then|then|and)\b\s+", re.IGNORECASE)
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
class Verdict:
    """The cheapest tier that fits, None for no opinion; and why, in a few words."""

    tier: str | None
    why: str


def classify(prompt: str) -> Verdict:
    """Say haiku for reading, sonnet for changing things, and no opinion on what is hard, long or unclear."""
    if hard := _hardness(prompt):
        return Verdict(None, hard)
    verbs = list(dict.fromkeys(_verbs(prompt)))
    judging, writing, reading = ([verb for verb in verbs if verb in some] for some in (JUDGING, WRITING, READING))
    if judging:
        return Verdict(None, f"it needs judgement: {_named(judging)}")
    if writing:
        return Verdict("sonnet", f"it changes or runs things: {_named(writing)}")
    if reading or _READ_ONLY.search(prompt):
        return Verdict("haiku", f"it only reads: {_named(reading) or 'read-only'}")
    return Verdict(None, "unclear what it asks for")


def _hardness(prompt: str) -> str:
    """What makes the prompt a hard one, empty when nothing does."""
    if found := _HARD.search(prompt):
        return f'it sounds hard: "{found[0]}"'
    if len(prompt) > LONG_PROMPT:
        return "it is long"
    return "it has many steps" if len(_NUMBERED.findall(prompt)) > MANY_STEPS else ""


def _verbs(prompt: str) -> Iterator[str]:
    """The first word of whatever is asked for, in lower case; what is forbidden is not asked for."""
    for step in _STEPS.split(prompt):
        asked = step.strip()
        while lead := _LEAD.match(asked):
            asked = asked[lead.end() :]
        if asked and not _REFUSAL.match(asked):
            yield re.split(r"[^\w-]", asked.lower(), maxsplit=1)[0]


def _named(verbs: list[str]) -> str:
    return ", ".join(verbs[:3])
