"""The JUnit XML that Java's builds leave in their own output folders: Surefire's format, in which Gradle writes too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agentflow.checks.junit import read_cases
from agentflow.checks.runners.files import walk
from agentflow.checks.runners.lines import mentions
from agentflow.checks.runners.runner import Invocation, Report
from agentflow.checks.runners.tally import Tally

_MARK = "started"
_BUILDS = ("pom.xml", "settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts")
#: Some file systems know whole seconds only.
_COARSE_S = 1.0


def mark(invocation: Invocation, folder: Path) -> Invocation:
    """Remember when a check began that may run a Java build: reports that an earlier one left are not its own."""
    is_java = any((invocation.worktree / name).is_file() for name in _BUILDS)
    if is_java or mentions(invocation.command, "mvn", "mvnw", "mvnd", "gradle", "gradlew"):
        (folder / _MARK).touch()
    return invocation


def read(folder: Path, worktree: Path, patterns: Iterable[str], sources: Iterable[str]) -> Report | None:
    """The reports written since; `patterns`: their places in a module below `worktree`, `sources`: its test folders."""
    if not (folder / _MARK).is_file():
        return None
    begun = (folder / _MARK).stat().st_mtime - _COARSE_S
    tally, read_any = Tally(worktree), False
    for module, _ in walk(worktree):
        for path in (path for pattern in patterns for path in sorted(module.glob(pattern))):
            cases = read_cases(path) if path.is_file() and path.stat().st_mtime >= begun else None
            for case in cases or ():
                read_any = True
                file = _source(module, case.get("classname"), sources) or case.get("classname")
                tally.saw(f"{tally.path(file)}::{_name(case.get('name'))}", case.outcome, case.message, case.account)
    return tally.report() if read_any else None


def _source(module: Path, classname: str, folders: Iterable[str]) -> str | None:
    path = classname.partition("$")[0].replace(".", "/")
    for folder in folders:
        for ending in (".java", ".kt", ".groovy", ".scala"):
            if (module / folder / f"{path}{ending}").is_file():
                return str(module / folder / f"{path}{ending}")
    return None


def _name(name: str) -> str:
    """Gradle writes JUnit 5's methods with their parentheses."""
    return name.removesuffix("()")
