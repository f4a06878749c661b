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


async def search(
    repository: Repository, commit: str, patterns: Sequence[str], paths: Sequence[str] = ()
) -> tuple[Match, ...]:
    """The lines of text files in which one of these extended regular expressions is found, in git's order.

    `paths`: pathspecs of git, relative to the repository's root; empty for all files.
    """
    if not patterns:
        return ()
    each = [word for pattern in patterns for word in ("-e", pattern)]
    options = ("--no-color", "--full-name", "--no-recurse-submodules", "-n", "-z", "-I", "-E")
    found = await git(repository.root, "grep", *options, *each, commit, "--", *paths, check=False)
    # A file's name may hold a line break; what is found on a line does not.
    lines = re.findall(rf"{re.escape(commit)}:([^\0]*)\0(\d+)\0([^\n]*)", found.stdout)
    return tuple(Match(file, int(number), text) for file, number, text in lines)


def within(folder: str, suffix: str) -> str:
    """The pathspec for files of this suffix (without a dot) in a folder, at any depth; "" is the root."""
    plain = re.sub(r"([\\*?\[])", r"\\\1", f"{folder}/" if folder else "")
    return f":(glob){plain}**/*.{suffix}"


def literal(text: str) -> str:
    """An extended regular expression that finds exactly this text."""
    return re.sub(r"([][\\.*^$+?(){}|])", r"\\\1", text)
