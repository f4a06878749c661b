"""What the reviewers of a change are shown, as they are asked, and which facts stand in it. No model is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sight.fixes import Fact, Need

from agentflow.config.settings import load_settings
from agentflow.domain.reviews import Mode, ReviewSpec
from agentflow.git.ranges import resolve_change
from agentflow.git.repository import open_repository
from agentflow.review.text import decode, lines_of, tokens
from agentflow.workflows.reviewing.collecting import pack_prompts

_FRAME = re.compile(r'<untrusted source="(.+) lines \d+-\d+ of \d+">')
_LINE = re.compile(r"(\d+)[ +].*")


@dataclass(frozen=True)
class Shown:
    """What one reviewer is shown: numbered lines by file, and by file the text of lines that the change removed."""

    lines: frozenset[tuple[str, int]]
    removed: frozenset[tuple[str, str]]
    tokens: int


@dataclass(frozen=True)
class Seen:
    """What the best placed reviewer lacks, in the new code and with removed lines; all reviewers' tokens."""

    missing: tuple[Need, ...]
    missing_with_removed: tuple[Need, ...]
    tokens: int


async def prompts(folder: Path, change: str) -> list[str]:
    """What each reviewer of `change` (BASE..HEAD) is asked, apart from what all of them are told."""
    repository = await open_repository(folder)
    spec = ReviewSpec(Mode.DIFF, *await resolve_change(repository, change))
    return list(await pack_prompts(repository, load_settings(None, {}, {}), spec))


def shown(prompt: str) -> Shown:
    """The code in a prompt."""
    lines, removed, file = set(), set(), ""
    for line in prompt.split("\n"):
        if frame := _FRAME.fullmatch(line):
            file = frame[1]
        elif line == "</untrusted>":
            file = ""
        elif file and (found := _LINE.fullmatch(line)):
            lines.add((file, int(found[1])))
        elif file and line.startswith("-"):
            removed.add((file, line[1:].strip()))
    return Shown(frozenset(lines), frozenset(removed), tokens(prompt))


def seen(needs: Sequence[Need], every: Sequence[Shown]) -> Seen:
    """What is missing of what the reviewers are shown."""
    gaps, less = ([_missing(needs, one, with_removed) for one in every] for with_removed in (False, True))
    total = sum(one.tokens for one in every)
    return Seen(min(gaps, key=len, default=tuple(needs)), min(less, key=len, default=tuple(needs)), total)


def wrong(needs: Sequence[Need], folder: Path) -> list[str]:
    """The facts whose words do not stand where they say, in the files as the reviewers read them."""
    told = [fact for need in needs for fact in need if fact.line is not None]
    files = {fact.file: lines_of(decode((folder / fact.file).read_bytes()) or "") for fact in told}
    return [str(fact) for fact in told if fact.words not in "".join(files[fact.file][fact.line - 1 : fact.line])]


def _missing(needs: Sequence[Need], one: Shown, with_removed: bool) -> tuple[Need, ...]:
    def is_shown(fact: Fact) -> bool:
        if fact.line is not None:
            return (fact.file, fact.line) in one.lines
        return with_removed and any(file == fact.file and fact.words in text for file, text in one.removed)

    return tuple(need for need in needs if not any(map(is_shown, need)))
