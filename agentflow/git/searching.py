"""Searching the text of a commit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.git.command import git
from agentflow.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Match:
    """One line of a file that a pattern was found in; `line` is 1-based."""

    file: str
    line: int
    text: str


async def search(repository: Repository, commit: str, patterns: Sequence[str]) -> tuple[Match, ...]:
    """The lines of text files in which one of these extended regular expressions is found, in git's order."""
    if not patterns:
        return ()
    each = [word for pattern in patterns for word in ("-e", pattern)]
    options = ("--no-color", "--full-name", "--no-recurse-submodules", "-n", "-z", "-I", "-E")
    found = await git(repository.root, "grep", *options, *each, commit, check=False)
    lines = (line.removeprefix(f"{commit}:").split("\0", 2) for line in found.stdout.split("\n") if line)
    return tuple(Match(file, int(number), text) for file, number, text in lines)


def literal(text: str) -> str:
    """An extended regular expression that finds exactly this text."""
    return re.sub(r"([][\\.*^$+?(){}|])", r"\\\1", text)
