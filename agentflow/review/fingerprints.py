"""Fingerprints: one word for a finding's identity, for tools that compare words.

It holds the file, the definition's name, the text and the kind. Two reviews of moved code give the same one. Where two
wordings have to be told from two defects, identities are compared: see `recognising`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from agentflow.domain.findings import Category, Finding
from agentflow.review.definitions import enclosing
from agentflow.review.identity import Read, normal
from agentflow.review.kinds import kind_of
from agentflow.review.naming_definitions import holders, name_of

#: Hexadecimal digits of a fingerprint.
LENGTH = 32
#: Findings of one category on one line that former fingerprints are looked for.
_NUMBERED = 3


def fingerprinted(findings: Sequence[Finding], read: Mapping[str, Read]) -> tuple[str, ...]:
    """A fingerprint for each finding, all different, from its path, definition's name, first line's text and kind.

    Lines that are alike within a definition are told apart by their order there, whether or not each of them has a
    finding: one that is mended, or that a reviewer misses, does not rename the others. Findings of one kind on one line
    get numbers.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    fingerprints = []
    for finding in findings:
        place = (finding.file, kind_of(finding), *_place(finding.line, read[finding.file]))
        seen[place] += 1
        fingerprints.append(digest((*place, str(seen[place]))))
    return tuple(fingerprints)


def former_fingerprints(finding: Finding, read: Read) -> frozenset[str]:
    """Those that earlier versions may have given it, under whatever category: they stand in comments and reports."""
    lines = read.source.lines
    text, definition = lines[finding.line - 1], enclosing(lines, finding.line)
    above = range(finding.line - 1, 0, -1)
    head = next((n for n in above if lines[n - 1].strip() == definition), 0) if definition else 0
    form: Callable[[str], object] = str.split if definition else str.rstrip
    alike = sum(form(other) == form(text) for other in lines[head : finding.line - 1])
    place = (definition, " ".join(text.split()), str(alike))
    numbers = [str(n + 1) for n in range(_NUMBERED)]
    return frozenset(digest((finding.file, category.value, *place, n)) for category in Category for n in numbers)


def digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def _place(line: int, read: Read) -> tuple[str, ...]:
    """The definition's names, the line's text, and how many lines of that text stand before it in the definition.

    Outside of definitions the indentation tells it from lines inside them.
    """
    lines = read.source.lines
    held = holders(read.definitions, line)
    form: Callable[[str], object] = normal if held else str.rstrip
    text, head = lines[line - 1], held[-1].line if held else 1
    alike = sum(form(other) == form(text) for other in lines[head - 1 : line - 1])
    return (".".join(name_of(lines[one.line - 1]) for one in held), normal(text), str(alike))
