"""What test runners on Node.js have in common."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel

from agentflow.checks.junit import read_untrusted
from agentflow.checks.runners.files import walk
from agentflow.checks.runners.lines import mentions
from agentflow.checks.runners.package_scripts import depends_on, expanded, package_of, script_of
from agentflow.checks.runners.runner import Ended, Report
from agentflow.checks.runners.tally import Tally, plain, whole_characters
from agentflow.domain.evidence import Check, Obstacle

T = TypeVar("T")

_MISSING = re.compile(
    r"Cannot find (?:package|module) '([^'./][^']*)'"
    r"|Failed to (?:load|resolve) (?:url|import) \"?([^\s\"./][^\s\"]*)\"?"
    r"|Module ([^\s./]\S*) in the \w+ option was not found"
)
_INSIDE = re.compile(r"^\s+at .*(?:/node_modules/|node:internal/|\(?node:\w+|<anonymous>\)$)")
_NOT_INSTALLED = re.compile(
    r"npx canceled due to missing packages|node_modules missing, did you mean to install"
    r"|doesn't seem to have been installed|Couldn't find the node_modules state file"
)
_NO_PROGRAM = re.compile(
    r"^(?:\S*/)?(?:sh|bash): (?:\d+: |line \d+: )?([\w.-]+): (?:command )?not found"
    r"|Command \"([\w.-]+)\" not found|^command not found: ([\w.-]+)",
    re.MULTILINE,
)
_ENGINE = re.compile(
    r"^.*(?:EBADENGINE|UNSUPPORTED_ENGINE|[Rr]equires Node(?:\.js)? (?:version )?[v>=^~\d]"
    r"|engine \"node\" is incompatible|The requested module 'node:\w+' does not provide an export).*$",
    re.MULTILINE,
)


def offered(package: str, command: str) -> Callable[[Path], Iterator[Check]]:
    """`Runner.detect` for a runner that a package depends on without a script that would start it."""

    def detect(folder: Path) -> Iterator[Check]:
        if depends_on(folder, package) and not script_of(folder):
            yield Check(command, f"package.json dependency {package}")

    return detect


def runs(*names: str) -> Callable[[str, Path], bool]:
    return lambda line, worktree: mentions(expanded(line, worktree), *names)


class _Case(BaseModel):
    ancestorTitles: list[str] = []  # noqa: N815  jest's names
    title: str
    status: str
    failureMessages: list[str] | None = None  # noqa: N815


class _Suite(BaseModel):
    name: str
    status: str
    message: str = ""
    assertionResults: list[_Case] = []  # noqa: N815


class _Document(BaseModel):
    testResults: list[_Suite]  # noqa: N815


class _Line(BaseModel):
    file: str
    names: list[str]
    outcome: Literal["passed", "failed", "skipped"]
    message: str
    account: str


def read_jest(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """The JSON of jest, which vitest writes too. A file that did not load has failed, by its path."""
    tally = Tally(worktree)
    documents = list(_parsed(folder.glob("*.json"), _Document.model_validate_json))
    for suite in (suite for document in documents for suite in document.testResults):
        file = tally.path(suite.name)
        if not suite.assertionResults and suite.status == "failed":
            tally.saw(file, "failed", "", suite.message)
        for case in suite.assertionResults:
            outcome = case.status if case.status in {"passed", "failed"} else "skipped"
            account = "\n\n".join(map(frames, case.failureMessages or ()))
            message = account.partition("\n    at ")[0]
            tally.saw(f"{file}::{' > '.join((*case.ancestorTitles, case.title))}", outcome, message, account)
    return tally.report(strangers(worktree)) if documents else None


def read_lines(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """The lines of our own reporters (`reporters/`)."""
    tally = Tally(worktree)
    documents = list(_parsed(folder.glob("*.jsonl"), _lines))
    for case in (case for document in documents for case in document):
        test = "::".join(filter(None, (tally.path(case.file), " > ".join(case.names))))
        tally.saw(test, case.outcome, case.message, frames(case.account))
    return tally.report(strangers(worktree)) if documents else None


def _lines(text: bytes) -> list[_Line]:
    return [_Line.model_validate_json(line) for line in text.splitlines() if line]


def _parsed(paths: Iterable[Path], parse: Callable[[bytes], T]) -> Iterator[T]:
    """What could be read; a report that is not what its runner writes is none (pydantic's error is a ValueError)."""
    for path in sorted(paths):
        with contextlib.suppress(OSError, ValueError):
            yield parse(whole_characters(read_untrusted(path)))


def frames(stack: str) -> str:
    """An error's stack without the frames of the runner and of Node.js itself."""
    return "\n".join(line for line in stack.splitlines() if not _INSIDE.search(line))


def strangers(worktree: Path) -> tuple[str, ...]:
    """A doubt for packages that `node_modules` links to outside the worktree: tests load those files, not ours.

    A link into another `node_modules` is how package managers store what they install, and no doubt.
    """
    root = os.path.realpath(worktree)
    modules = worktree / "node_modules"
    links = [*modules.glob("*"), *modules.glob("@*/*")] if modules.is_dir() else []
    away = []
    for link in links:
        target = os.path.realpath(link)
        is_own = target.startswith(f"{root}/") or "node_modules" in Path(target).parts
        if not is_own and os.path.isfile(f"{target}/package.json"):  # noqa: PTH113  a link may lead anywhere
            away.append(str(link.relative_to(modules)))
    shown = ", ".join(sorted(away)[:3])
    return (f"node_modules links packages to files outside the worktree: {shown}",) if away else ()


def obstacle(ended: Ended) -> Obstacle | None:
    """Dependencies that are not installed, and an engine that does not fit."""
    output = plain(ended.output)
    if found := _NO_PROGRAM.search(output):
        name = next(filter(None, found.groups()))
        return Obstacle(f"{name} is not installed: there is no node_modules with it")
    if _NOT_INSTALLED.search(output):
        return Obstacle("the packages of package.json are not installed: there is no node_modules with them")
    if found := _ENGINE.search(output):
        return Obstacle(f"the Node.js version does not fit: {found[0].strip()[:160]}")
    missing = next((name for found in _MISSING.finditer(output) for name in found.groups() if name), "")
    if missing and _is_installable(_package(missing), ended.worktree):
        return Obstacle(f"the package {_package(missing)} is not installed")
    return None


def _package(name: str) -> str:
    """`@scope/name` or `name`, whatever file of the package is asked for."""
    return "/".join(name.split("/")[: 2 if name.startswith("@") else 1])


def _is_installable(package: str, worktree: Path | None) -> bool:
    """Whether set-up would bring the package: a package that nobody declares is a mistake in the code."""
    if package.startswith(("node:", "~", "#")) or package in {"@", "src", "lib"}:
        return False
    if worktree is None or not (worktree / "node_modules").exists():
        return True
    places = [worktree, *(folder for folder, files in walk(worktree) if "package.json" in files)]
    return any(depends_on(place, package) or package_of(place).get("name") == package for place in places)
