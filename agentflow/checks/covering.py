"""When a run of the whole suite has shown what a narrower check would show on the same tree."""

from __future__ import annotations

import re
import shlex

from agentflow.checks.ids import absent
from agentflow.domain.evidence import CheckResult

#: What makes a shell line more than one command with its words.
_SHELL = re.compile(r"[;&|<>()$`\n\\*?{}~!#]")


def covers(suite: CheckResult, narrow: CheckResult | None) -> bool:
    """Whether `suite`, on some tree, makes a run of the narrower command there needless.

    `narrow` is what that command showed elsewhere, where it passed. It has to be the suite's own command with files or
    tests added; every test it ran has to pass in the suite, and none in those files to fail.
    """
    if narrow is None or narrow.tests is None or suite.tests is None or suite.doubts or suite.obstacle:
        return False
    places = _added(suite.command, narrow.command)
    return (
        bool(places and narrow.tests.passed)
        and not absent(narrow.tests.passed, suite.tests.passed)
        and not any(_lies_in(test, place) for test in suite.tests.failed for place in places)
    )


def _added(whole: str, narrow: str) -> list[str]:
    """The files or tests by which the second line is longer than the first; empty where it is another command."""
    if _SHELL.search(whole + narrow):
        return []
    try:
        few, many = shlex.split(whole), shlex.split(narrow)
    except ValueError:
        return []
    added = many[len(few) :]
    fits = many[: len(few)] == few and not any(word.startswith("-") for word in added)
    return added if fits else []


def _lies_in(test: str, place: str) -> bool:
    """Whether the test is in this file or folder, or is this test."""
    return re.match(re.escape(place.removeprefix("./").rstrip("/")) + r"(/|::|\[|$)", test) is not None
