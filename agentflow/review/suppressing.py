"""Suppressing: `agentflow: ignore[rule] reason` in a comment of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentflow.domain.findings import Finding
from agentflow.review.source import Source

_LEADER = r"(?:#|//|/\*|(?:<!)?--|;)"
_COMMENT = re.compile(_LEADER + r"\s*agentflow:\s*ignore\[(?P<rules>[^\]]*)\](?P<reason>.*)", re.IGNORECASE)
_ONLY_COMMENT = re.compile(r"\s*(?:$|" + _LEADER + ")")
_CLOSING = re.compile(r"\s*(?:\*/|-->).*$")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One such comment, on `line` (1-based). `alone`: no code stands before it, so it speaks of the next line too.

    Without a reason it is not honoured.
    """

    line: int
    rules: tuple[str, ...]
    reason: str
    alone: bool

    def covers(self, rule: str) -> bool:
        return bool(self.reason) and ("*" in self.rules or rule.lower() in self.rules)


def suppression(finding: Finding, source: Source) -> str | None:
    """The reason the code gives for ignoring the finding, None when it gives none.

    The comment stands on a cited line, or by itself on the line above the first one.
    """
    above = (ignore for ignore in _ignores(source, finding.line - 1, finding.line - 1) if ignore.alone)
    ignores = (*_ignores(source, finding.line, finding.last_line), *above)
    return next((ignore.reason for ignore in ignores if ignore.covers(finding.rule)), None)


def ignores(source: Source) -> tuple[Ignore, ...]:
    """Every such comment in the file, also those without a reason."""
    return tuple(_ignores(source, 1, len(source.lines)))


def _ignores(source: Source, first: int, last: int) -> Iterator[Ignore]:
    for number in range(max(first, 1), min(last, len(source.lines)) + 1):
        line = source.lines[number - 1]
        if found := _COMMENT.search(line):
            rules = tuple(rule.strip().lower() for rule in found["rules"].split(",") if rule.strip())
            alone = _ONLY_COMMENT.match(line[: found.start()]) is not None
            yield Ignore(number, rules, _CLOSING.sub("", found["reason"]).strip(), alone)
