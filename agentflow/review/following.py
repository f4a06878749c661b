"""What became of a finding that a review does not report any more, as far as that can be known without a model.

It is called resolved only where its place was read again and what it cites is there no longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from agentflow.domain.reviews import Part
from agentflow.review.identity import Read, Spot
from agentflow.review.source import joined, meets


class Rest(Enum):
    """What is left of the place: `unread` by this review, `there` as it was, or `gone`."""

    UNREAD = auto()
    THERE = auto()
    GONE = auto()


def rest_of(spot: Spot, read: Read, parts: Iterable[Part]) -> Rest:
    """What is left of it in the file as it is now, of which `parts` were read."""
    spans = joined((part.first, part.last) for part in parts if part.file == read.source.path)
    held = read.bodies(spot.path) if spot.path else [(1, len(read.source.lines), "")]
    # Its definition is gone, or has another name now.
    regions = [(first, last) for first, last, _ in held] or [(1, len(read.source.lines))]
    lines = [n for first, last in regions for n in range(first, last + 1) if _cites(spot, read, n)]
    if lines:
        return Rest.THERE if any(meets(spans, n, n) for n in lines) else Rest.UNREAD
    return Rest.GONE if any(meets(spans, first, last) for first, last in regions) else Rest.UNREAD


def _cites(spot: Spot, read: Read, line: int) -> bool:
    return bool(spot.cited) and read.hashes[line - 1] == spot.cited[0]
