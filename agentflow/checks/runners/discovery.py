"""Which checks a repository has, when neither the plan nor the configuration names any."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from agentflow.checks.runners import (
    bats,
    cargo,
    ctest,
    dotnet,
    environments,
    go,
    gradle,
    jest,
    make,
    maven,
    mocha,
    package_script,
    phpunit,
    pytest,
    rspec,
    unittest,
    vitest,
)  # fmt: skip
from agentflow.checks.runners.files import walk
from agentflow.checks.runners.package_scripts import has_lock, manager_of, members_of, package_of, script_of
from agentflow.checks.runners.python_projects import MANIFESTS, pytest_setting, test_modules, test_paths
from agentflow.checks.runners.runner import Runner
from agentflow.domain.evidence import Check

#: So many checks at most; each of them is run for every attempt.
MOST_CHECKS = 12
#: With more packages than this, a workspace is tested by one command.
_MOST_PACKAGES = 6
_DEPTH = 4
#: Projects in there are there for tests to read, or for people.
_NO_PROJECTS = frozenset({"test", "tests", "__tests__", "spec", "docs", "doc", "benchmarks"})

_PYTHON = (pytest.PYTEST, unittest.UNITTEST, environments.NOX, environments.TOX)
_NODE = (vitest.RUNNER, jest.RUNNER, mocha.RUNNER)
_OTHERS = (
    cargo.RUNNER, go.RUNNER, gradle.RUNNER, maven.RUNNER, rspec.RUNNER, phpunit.RUNNER, dotnet.RUNNER,
)  # fmt: skip
_FILES = frozenset({
    "Cargo.toml", "go.mod", "settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts", "pom.xml",
    ".rspec", "Gemfile", "phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Discovery:
    """The checks of a repository, and those that were found and left out because there are too many."""

    checks: tuple[Check, ...]
    left_out: tuple[Check, ...] = ()

    @property
    def notice(self) -> str:
        """One sentence about what is left out, for people; empty where nothing is."""
        if not self.left_out:
            return ""
        names = ", ".join(check.command for check in self.left_out[:3])
        more = ", …" if len(self.left_out) > 3 else ""
        return f"{len(self.left_out)} more checks were found and are not run ({names}{more}); name them in `checks:`"


def discover_checks(root: Path) -> tuple[Check, ...]:
    """The checks of the repository at `root`; empty when there is nothing to run."""
    return discover(root).checks


def discover(root: Path) -> Discovery:
    """The checks of the repository at `root`, one per language and project, each a line that runs from the root.

    Projects in subfolders count where no check of the root covers them. tox and nox are offered only without pytest
    and unittest, `make test` and bats only when nothing more specific is found.
    """
    tree = _Tree(root)
    specific = (*_python(tree), *_node(tree), *_others(tree))
    found = tuple(dict.fromkeys(specific)) or _first((ctest.RUNNER, make.RUNNER, bats.RUNNER), root)
    found = tuple(sorted(found, key=lambda check: check.command.startswith("cd ")))
    return Discovery(found[:MOST_CHECKS], found[MOST_CHECKS:])


class _Tree:
    """The folders of a repository in which a project may live: not too deep, and not test data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[Path, frozenset[str]] = {}
        for folder, files in walk(root):
            parts = folder.relative_to(root).parts
            if len(parts) <= _DEPTH and not _NO_PROJECTS.intersection(parts):
                self.folders[folder] = frozenset(files)

    def below(self, *names: str) -> list[Path]:
        """The folders under the root with one of these files."""
        return [folder for folder, files in self.folders.items() if folder != self.root and files.intersection(names)]

    def inside(self, folder: Path, checks: Iterable[Check]) -> tuple[Check, ...]:
        """The checks of the project in `folder`, as lines that run from the root."""
        if folder == self.root:
            return tuple(checks)
        name = folder.relative_to(self.root).as_posix()
        return tuple(
            replace(check, command=f"cd {shlex.quote(name)} && {check.command}", source=f"{name}/{check.source}")
            for check in checks
        )


def _first(runners: Sequence[Runner], folder: Path) -> tuple[Check, ...]:
    return tuple(chain.from_iterable(runner.detect(folder) for runner in runners))[:1]


def _python(tree: _Tree) -> tuple[Check, ...]:
    """The root's own, unless all tests belong to projects in subfolders; and theirs, where the root does not look."""
    root = tree.root
    projects = tree.below(*MANIFESTS)
    covered = test_paths(root)
    owns = not projects or pytest_setting(root) or any(_project(path, projects) is None for path in test_modules(root))
    at_root = checks = _first(_PYTHON, root) if owns else ()
    for project in _topmost(projects):
        name = project.relative_to(root).as_posix()
        if not at_root or (covered and not any(_overlap(name, path) for path in covered)):
            checks += tree.inside(project, _first(_PYTHON, project))
    return checks or _first(_PYTHON, root)


def _overlap(folder: str, path: str) -> bool:
    return (
        path in {"", "."} or f"{path}/".startswith(f"{folder}/") or f"{folder}/".startswith(f"{path}/") or "*" in path
    )


def _project(path: Path, projects: Iterable[Path]) -> Path | None:
    return next((project for project in projects if path.is_relative_to(project)), None)


def _topmost(folders: Iterable[Path]) -> Iterator[Path]:
    kept: list[Path] = []
    for folder in sorted(folders):
        if _project(folder, kept) is None:
            kept.append(folder)
            yield folder


def _node(tree: _Tree) -> tuple[Check, ...]:
    checks = _package(tree.root)
    members = {tree.root / member for member in members_of(tree.root)}
    settled: list[Path] = []
    for folder in sorted(tree.below("package.json")):
        if folder in members or _project(folder, settled):
            continue
        if (not checks or has_lock(folder)) and (found := _package(folder, manager_of(tree.root))):
            settled.append(folder)
            checks += tree.inside(folder, found)
    return checks or _first(_NODE, tree.root)


def _package(folder: Path, outer: str = "npm") -> tuple[Check, ...]:
    """A package's test script, else those of its workspace's packages."""
    if script_of(folder):
        manager = manager_of(folder) if has_lock(folder) or "packageManager" in package_of(folder) else outer
        return (Check(package_script.test_command(manager), "package.json scripts.test"),)
    members = {path: name for path, name in members_of(folder).items() if script_of(folder / path)}
    manager = manager_of(folder)
    if len(members) > _MOST_PACKAGES:
        return (Check(_all_members(folder, manager), "package.json workspaces"),)
    return tuple(
        Check(_one_member(manager, path, name), f"{path}/package.json scripts.test") for path, name in members.items()
    )


def _one_member(manager: str, path: str, name: str) -> str:
    if manager == "npm":
        return f"npm test -w {shlex.quote(path)}"
    if manager == "pnpm":
        return f"pnpm --filter {shlex.quote(f'./{path}')} test"
    if manager == "yarn" and name:
        return f"yarn workspace {shlex.quote(name)} test"
    return f"cd {shlex.quote(path)} && {package_script.test_command(manager)}"


def _all_members(folder: Path, manager: str) -> str:
    if manager == "yarn":
        is_berry = (folder / ".yarnrc.yml").is_file()
        return "yarn workspaces foreach --all run test" if is_berry else "yarn workspaces run test"
    everywhere = {"pnpm": "pnpm -r test", "bun": "bun run --filter '*' test"}
    return everywhere.get(manager, "npm test --workspaces --if-present")


def _others(tree: _Tree) -> tuple[Check, ...]:
    """Each language of the root, else of the topmost folders that have it; Go's modules never cover one another."""
    checks: tuple[Check, ...] = ()
    candidates = [*tree.below(*_FILES), *_with_solutions(tree)]
    for runner in _OTHERS:
        at_root = tuple(runner.detect(tree.root))
        checks += at_root
        if at_root and runner is not go.RUNNER:
            continue
        offering = [folder for folder in dict.fromkeys(candidates) if any(runner.detect(folder))]
        for folder in offering if runner is go.RUNNER else _topmost(offering):
            if runner is not go.RUNNER or any(folder.glob("**/*_test.go")):
                checks += tree.inside(folder, runner.detect(folder))
    return checks


def _with_solutions(tree: _Tree) -> list[Path]:
    return [
        f for f, files in tree.folders.items() if f != tree.root and any(n.endswith((".sln", ".slnx")) for n in files)
    ]
