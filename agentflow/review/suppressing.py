"""Suppressing: `agentflow: ignore[rule] reason` in a comment of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agentflow.domain.findings import Category, Finding, Severity
from agentflow.review.comments import comments
from agentflow.review.kinds import kind_of
from agentflow.review.parsing import definitions_of
from agentflow.review.source import Source

#: The rule under which a suppression is reported that came with the change under review.
ADDED_RULE = "suppression-added"

_WORDS = re.compile(
    r"(?:^|[#/*%;!'({<-]|\brem\b)\s*agentflow:\s*ignore(?P<file>-file)?\[(?P<rules>[^\]]*)\](?P<reason>.*)",
    re.IGNORECASE,
)
_CLOSING = re.compile(r"\s*(?:\*+/|-->|--%>|\*\)|-\}|#\}|#>|\}).*$")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One such comment, on `line`, which speaks of the lines from `first` to `last`; all 1-based.

    `added`: the change under review added or changed it. Then it is not honoured, nor is one without a reason.
    """

    line: int
    first: int
    last: int
    rules: tuple[str, ...]
    reason: str
    added: bool = False

    def covers(self, finding: Finding) -> bool:
        is_meant = bool({"*", finding.rule.lower(), kind_of(finding)} & set(self.rules))
        is_there = finding.line <= self.last and finding.last_line >= self.first
        return bool(self.reason) and not self.added and is_meant and is_there


def suppression(finding: Finding, found: Iterable[Ignore]) -> str | None:
    """The reason that its file's comments give for ignoring the finding, None when they give none."""
    return next((ignore.reason for ignore in found if ignore.covers(finding)), None)


def ignores(source: Source) -> tuple[Ignore, ...]:
    """Every such comment in the file, also those that are not honoured.

    It speaks of its own line; by itself also of the line below, with decorators between them; as `ignore-file` of all.
    """
    if not any("agentflow:" in line.lower() for line in source.lines):
        return ()
    return tuple(_ignores(source))


def added_suppressions(source: Source) -> tuple[Finding, ...]:
    """Those that came with the change under review, as findings: a change does not silence its own review."""
    return tuple(_reported(source, one) for one in ignores(source) if one.added)


def _ignores(source: Source) -> Iterator[Ignore]:
    found = definitions_of(source)
    for line, text, alone in comments(source):
        if not (words := _WORDS.search(text)):
            continue
        heads = (one.line for one in found if one.first <= line < one.line)
        below = min(heads, default=line + 1) if alone else line
        yield Ignore(
            line,
            *((1, len(source.lines)) if words["file"] else (line, below)),
            rules=tuple(rule.strip().lower() for rule in words["rules"].split(",") if rule.strip()),
            reason=_CLOSING.sub("", words["reason"]).strip(),
            added=source.changed is not None and source.is_changed(line, line),
        )


def _reported(source: Source, ignore: Ignore) -> Finding:
    rules = ", ".join(ignore.rules)
    return Finding(
        rule=ADDED_RULE,
        title=f"The change silences reviews of {rules}",
        message="This comment came with the change under review, so it silences nothing in this review. Where it is "
        f"right, it counts from the next one on. Its reason: {ignore.reason or 'none is given'}",
        file=source.path,
        line=ignore.line,
        end_line=None,
        severity=Severity.LOW,
        category=Category.STYLE,
        confidence=1.0,
        evidence=source.text(ignore.line, ignore.line),
    )
