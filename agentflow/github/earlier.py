"""Comments on findings that stand on a pull request, and what a later review makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agentflow.domain.findings import Answer


class Fate(StrEnum):
    """What became of a finding that has a comment, in the words in which that is told.

    `present`: the review has it too. `there`: it was not found, but what it cites is as it was. `partial`: it may only
    be missing because the review is.
    """

    PRESENT = "Found again"
    RESOLVED = "Resolved since"
    REFUTED = "Withdrawn, since reading the code again refuted it"
    THERE = "Not found this time, though its lines are still there"
    UNREAD = "Not read again"
    PARTIAL = "Not found this time, but the review is partial"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A comment of ours. `identity` is empty in those of old versions; `outdated`: GitHub says its lines changed.

    `thread` is GitHub's id of what it began, `is_open` whether that is neither resolved nor hidden, and `answer` what a
    person said to it.
    """

    number: int
    url: str
    file: str
    fingerprint: str
    identity: str
    body: str
    outdated: bool
    thread: str = ""
    is_open: bool = True
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """The fate of every earlier comment, in their order, and the fingerprints of findings that one of them tells."""

    fates: tuple[Fate, ...]
    told: frozenset[str]


Compare = Callable[[Sequence[Earlier]], Compared]
