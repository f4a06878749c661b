"""What test runners on Node.js have in common."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from agentflow.checks.junit import read_untrusted
from agentflow.checks.runners.files import table, walk
from agentflow.checks.runners.lines import mentions
from agentflow.checks.runners.package_scripts import depends_on, expanded, package_of, script_of
from agentflow.checks.runners.runner import Ended, Report
from agentflow.checks.runners.tally import Tally, plain
from agentflow.domain.evidence import Check, Obstacle

_MISSING = re.compile(
    r"Cannot find (?:package|module) '([^'./][^']*)'"
    r"|Failed to (?:load|resolve) (?:url|import) \"?([^\s\"./][^\s\"]*)\"?"
    r"|Module ([^\s./]\S*) in the \w+ option was not found"
)
_NO_PROGRAM = re.compile(r"^(?:sh|/bin/sh|bash): (?:\d+: |line \d+: )?([\w.-]+): (?:command )?not found", re.MULTILINE)
_ENGINE = re.compile(r"^.*(?:Unsupported engine|EBADENGINE|requires? Node(?:\.js)?|engine \"node\" is incompatible).*$",
                     re.MULTILINE | re.IGNORECASE)  # fmt: skip


def offered(package: str, command: str) -> Callable[[Path], Iterator[Check]]:
    """`Runner.detect` for a runner that a package depends on without a script that would start it."""

    def detect(folder: Path) -> Iterator[Check]:
        if depends_on(folder, package) and not script_of(folder):
            yield Check(command, f"package.json dependency {package}")

    return detect


def runs(*names: str) -> Callable[[str, Path], bool]:
    return lambda line, worktree: mentions(expanded(line, worktree), *names)


def read_jest(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """The JSON of jest, which vitest writes too. A file that did not load has failed, by its path."""
    tally = Tally(worktree)
    documents = list(_documents(folder.glob("*.json")))
    for suite in (suite for document in documents for suite in document.get("testResults", ())):
        file = tally.path(str(suite.get("name", "")))
        cases = suite.get("assertionResults") or ()
        if not cases and suite.get("status") == "failed":
            tally.saw(file, "failed", "", str(suite.get("message", "")))
        for case in cases:
            names = [*map(str, case.get("ancestorTitles", ())), str(case.get("title", ""))]
            account = "\n\n".join(map(str, case.get("failureMessages") or ()))
            tally.saw(f"{file}::{' > '.join(names)}", _OUTCOMES.get(str(case.get("status")), "skipped"), "", account)
    return tally.report(strangers(worktree)) if documents else None


_OUTCOMES = {"passed": "passed", "failed": "failed"}


def _documents(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in sorted(paths):
        try:
            data = json.loads(read_untrusted(path))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(data, dict) and all(isinstance(suite, dict) for suite in data.get("testResults", ())):
            yield data


def read_lines(folder: Path, worktree: Path, _ended: Ended) -> Report | None:
    """The lines of our own reporters (`reporters/`)."""
    tally, read = Tally(worktree), False
    for path in sorted(folder.glob("*.jsonl")):
        try:
            cases = [json.loads(line) for line in read_untrusted(path).splitlines()]
        except (OSError, ValueError, RecursionError):
            continue
        read = True
        for case in map(table, cases):
            test = "::".join(filter(None, (tally.path(str(case.get("file"))), " > ".join(map(str, case["names"])))))
            tally.saw(test, str(case["outcome"]), str(case.get("message", "")), str(case.get("account", "")))
    return tally.report(strangers(worktree)) if read else None


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
        return Obstacle(f"{found[1]} is not installed: there is no node_modules with it")
    if "missing packages and no YES option" in output or "npx canceled due to missing packages" in output:
        return Obstacle("the test runner is not installed: there is no node_modules with it")
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
