"""Checks that end at their first failure: what comes behind a known one, nobody has seen.

Runners that can be told to go on are told so, wherever they are started from; of the others it is known at least.
"""

from __future__ import annotations

import re
from pathlib import Path

from agentflow.checks.runners.files import first_file, text_of
from agentflow.checks.runners.lines import commands
from agentflow.checks.runners.package_scripts import expanded
from agentflow.checks.runners.runner import Ended, Report
from agentflow.checks.unheard import is_runner, judging

#: Runners whose stop-early options are taken back when they are made to report.
_GO_ON = re.compile(
    r"(?:^|/)(?:pytest|py\.test|unittest|jest|react-scripts|vitest|_?mocha|go|rspec|cargo|ctest|manage\.py)$"
)
_STOPS = re.compile(
    r"--?(?:bail|fail-?fast|exit-?first|stop-?on-\S+|max-?fail(?:ures)?|stepwise|sw|halt-on-\S+|abort-on-\S+)(?:=\S*)?",
    re.IGNORECASE,
)
#: Short options that mean it for one program only.
_SHORT = {
    "playwright": {"-x"}, "trial": {"-x"}, "nosetests": {"-x"}, "stestr": {"-x"}, "nose2": {"-F"}, "nox": {"-x"},
    "mvn": {"-ff"}, "mvnw": {"-ff"}, "ward": {"-x"},
}  # fmt: skip
_CONFIGURED = (
    (("phpunit", "pest"), ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"), r"\bstopOn\w+=\"true\""),
    (("pre-commit", "prek"), (".pre-commit-config.yaml",), r"^\s*fail_fast:\s*true"),
    (("playwright",), ("playwright.config.ts", "playwright.config.js"), r"\bmaxFailures:\s*[1-9]"),
    (("gradle", "gradlew"), ("build.gradle", "build.gradle.kts"), r"\bfailFast\s*=\s*true"),
)
_OFF = re.compile(r"=(?:0|false|no)$|^--?no-")


def stopped_early(command: str, worktree: Path, ended: Ended, report: Report | None) -> str:
    """Why a check that failed may not have come to its end; empty where it did, as far as can be told."""
    if ended.exit_code in {0, None}:
        return ""
    for words in commands(expanded(command, worktree)):
        if not any(_GO_ON.search(word) for word in words) and (told := _told(words, worktree)):
            return told
    return _behind(command, report)


def _told(words: list[str], worktree: Path) -> str:
    names = [word.rpartition("/")[2] for word in words]
    for name, word in ((name, word) for name in names[:4] for word in words[1:]):
        if word in _SHORT.get(name, ()) or (_STOPS.fullmatch(word) and not _OFF.search(word)):
            return f"{names[0]} stops at its first failure ({word})"
    for programs, files, setting in _CONFIGURED:
        file = first_file(worktree, *files) if set(programs) & set(names) else None
        if file and (found := re.search(setting, text_of(worktree / file), re.MULTILINE)):
            return f"{names[0]} stops at its first failure ({file}: {found[0].strip()})"
    return ""


def _behind(command: str, report: Report | None) -> str:
    """What stands behind `&&` is not run when what is before it fails; whose report there is, ran."""
    parts = judging(command)
    if len(parts) < 2 or (report is not None and _is_last_alone(parts)):
        return ""
    return f"what comes after `{parts[0]}` is not run when that fails"


def _is_last_alone(parts: tuple[str, ...]) -> bool:
    return is_runner(parts[-1]) and not any(map(is_runner, parts[:-1]))
