"""Fingerprints: by what a finding is known again in a later review, however the code has moved and it is worded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from agentflow.domain.findings import Finding
from agentflow.review.definitions import enclosing
from agentflow.review.source import Source

#: Hexadecimal digits of a fingerprint.
LENGTH = 32


def fingerprinted(findings: Sequence[Finding], sources: Mapping[str, Source]) -> tuple[str, ...]:
    """A fingerprint for each finding, all different, from its path, definition, category and first line's text.

    Lines that are alike within a definition are told apart by their order there, whether or not each of them has a
    finding: one that is mended, or that a reviewer misses, does not rename the others. Findings of one category on one
    line get numbers.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    fingerprints = []
    for finding in findings:
        place = (finding.file, finding.category.value, *_place(finding.line, sources[finding.file].lines))
        seen[place] += 1
        fingerprints.append(_digest((*place, str(seen[place]))))
    return tuple(fingerprints)


def _place(line: int, lines: Sequence[str]) -> tuple[str, str, str]:
    """The definition around the line, its text, and how many lines of that text stand before it in the definition.

    Outside of definitions the indentation tells it from lines inside them.
    """
    text, definition = lines[line - 1], enclosing(lines, line)
    head = next((n for n in range(line - 1, 0, -1) if lines[n - 1].strip() == definition), 0) if definition else 0
    form: Callable[[str], object] = str.split if definition else str.rstrip
    alike = sum(form(other) == form(text) for other in lines[head : line - 1])
    return definition, " ".join(text.split()), str(alike)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]
