"""Fingerprints: by what a finding is known again in a later review, however the code has moved and it is worded."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

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
    """The definition around the line, its text, and which one of these in the definition it is."""
    text, definition = _plain(lines[line - 1]), enclosing(lines, line)
    alike = [n for n in range(1, line) if _plain(lines[n - 1]) == text and enclosing(lines, n) == definition]
    return definition, text, str(len(alike))


def _plain(line: str) -> str:
    return " ".join(line.split())


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]
