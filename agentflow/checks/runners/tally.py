"""Gathering what single tests did into one report."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentflow.checks.runners.files import walk
from agentflow.checks.runners.runner import Report
from agentflow.domain.evidence import TestFailure, TestOutcomes

#: Characters kept of one failure's message and account.
MAX_MESSAGE = 500
MAX_ACCOUNT = 8_000
_WORST_LAST = ("passed", "xfailed", "skipped", "failed")
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_HALVES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class Tally:
    """Outcomes by test id (`path::name`); a test that appears twice keeps its worst."""

    def __init__(self, worktree: Path) -> None:
        self._roots = tuple(dict.fromkeys((str(worktree), os.path.realpath(worktree))))
        self._worktree = worktree
        self._placed: dict[str, str] = {}
        self._outcomes: dict[str, str] = {}
        self._failures: dict[str, TestFailure] = {}

    def saw(self, test: str, outcome: str, message: str = "", account: str = "") -> None:
        known = self._outcomes.get(test, outcome)
        self._outcomes[test] = max(known, outcome, key=_WORST_LAST.index)
        if outcome == "failed" and test not in self._failures:
            account = self._local(plain(account)).strip("\n")
            message = self._local(plain(message)).strip() or first_lines(account)
            self._failures[test] = TestFailure(test, message[:MAX_MESSAGE], account[:MAX_ACCOUNT])

    def path(self, file: str) -> str:
        """The file relative to the worktree, as ids have it."""
        for root in self._roots:
            if file.startswith(f"{root}/"):
                return file[len(root) + 1 :]
        return file.removeprefix("./")

    def _local(self, text: str) -> str:
        """Paths as the repository has them: the worktree is gone tomorrow."""
        for root in self._roots:
            text = text.replace(f"file://{root}/", "").replace(f"{root}/", "")
        return text

    def placed(self, file: str) -> str:
        """The path of a file that a runner named relative to where it ran: in the only project that has it."""
        file = self.path(file)
        if file not in self._placed:
            self._placed[file] = self._search(file)
        return self._placed[file]

    def _search(self, file: str) -> str:
        if (self._worktree / file).is_file():
            return file
        found = [folder / file for folder, _ in walk(self._worktree) if (folder / file).is_file()]
        return found[0].relative_to(self._worktree).as_posix() if len(found) == 1 else file

    def report(self, doubts: tuple[str, ...] = ()) -> Report:
        ids = {word: tuple(i for i, seen in self._outcomes.items() if seen == word) for word in _WORST_LAST}
        return Report(TestOutcomes(**ids), tuple(self._failures.values()), doubts)


def plain(text: str) -> str:
    """Text without terminal escapes."""
    return _ESCAPES.sub("", text)


def whole_characters(document: bytes) -> bytes:
    """JSON without escapes of half a character, which no other text can hold; tests' titles and messages may."""
    return _HALVES.sub(rb"\\ufffd", document)


def first_lines(text: str, most: int = 2) -> str:
    return "\n".join([line.strip() for line in text.splitlines() if line.strip()][:most])
