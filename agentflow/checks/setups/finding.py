"""The set-up command of a repository: what its lock files and manifests say, in its root and in subfolders."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow.checks.setups.folder import Folder, Installed, Step, table
from agentflow.checks.setups.node import LOCK_FILES, node_step
from agentflow.checks.setups.others import make_step, other_steps
from agentflow.checks.setups.python import python_step
from agentflow.config.reading import read_file

#: How deep below the root projects are looked for: `packages/core`.
_DEPTH = 2
#: Folders whose projects the checks do not need.
_ASIDE = frozenset(
    {
        *("node_modules", "venv", "env", "build", "dist", "site-packages", "target", "vendor", "third_party"),
        *("test", "tests", "testing", "__tests__", "fixtures", "spec", "doc", "docs", "website", "site", "www"),
        *("example", "examples", "samples", "demo", "demos", "benchmark", "benchmarks", "templates", "template"),
    }
)
#: Files whose content decides what set-up installs.
MANIFESTS = (
    *("pyproject.toml", "setup.py", "setup.cfg", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock"),
    *("package.json", "pnpm-workspace.yaml", ".npmrc", ".yarnrc.yml", *LOCK_FILES),
    *("Cargo.toml", "Cargo.lock", "go.mod", "go.sum", "go.work", "Gemfile", "Gemfile.lock", "mix.exs", "mix.lock"),
    *("pom.xml", "build.gradle", "build.gradle.kts", "composer.json", "composer.lock", ".python-version"),
)
_LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", *LOCK_FILES})
#: Tables of `pyproject.toml` that say how tools check the code, not what is installed.
_OF_CHECKERS = frozenset(
    {
        "pytest",
        "coverage",
        "ruff",
        "black",
        "isort",
        "mypy",
        "pyright",
        "pylint",
        "flake8",
        "tox",
        "codespell",
        "bandit",
    }
)
_OF_PACKAGES = ("packageManager", "workspaces", "engines", "overrides", "resolutions", "pnpm")
_OF_INSTALLING = ("preinstall", "install", "postinstall", "prepare")
_LANGUAGES = {
    "python": r"python[\d.]*|pytest|py\.test|uv|uvx|poetry|pdm|hatch|pipenv|tox|nox|pip",
    "node": r"npm|npx|pnpm|yarn|bun|node|corepack|vitest|jest|mocha",
    "rust": r"cargo",
    "go": r"go",
    "ruby": r"bundle|rspec|rake|ruby",
    "java": r"gradle|\./gradlew|mvn|\./mvnw",
    "php": r"composer|phpunit|php|vendor/bin/\w+",
    "dotnet": r"dotnet",
    "elixir": r"mix",
}


def find_setup(root: Path, checks: Sequence[str], installed: Installed = shutil.which) -> str | None:
    """The likeliest command that prepares a fresh checkout at `root` for these checks; None when nothing tells.

    Nothing is run. Only languages that the checks are about are set up, as far as the checks tell theirs.
    """
    wanted = {language_of(check) for check in checks}
    steps = list(_steps(root, installed, checks))
    chosen = [step for step in steps if None in wanted or not wanted or step[1].language in wanted]
    if sum(step.command.startswith("uv sync") for _, step in chosen) > 1:
        chosen = [(place, _added_to(step)) for place, step in chosen]
    if chosen:
        return " && ".join(_line(folder, step, alone=len(chosen) == 1) for folder, step in chosen)
    made = make_step(Folder(root), installed)
    return made.command if made else None


def _added_to(step: Step) -> Step:
    """Several projects share the one environment: uv is not to take out what another of them needs."""
    is_uvs = step.command.startswith("uv sync")
    return replace(step, command=f"{step.command} --inexact") if is_uvs else step


def language_of(command: str) -> str | None:
    """The language a check is about, by the programs it starts; None when they do not tell."""
    programs = re.findall(r"(?:^|&&|\|\||[;|(])\s*(?:\w+=\S*\s+)*(\S+)", command)
    told = (name for program in programs for name, known in _LANGUAGES.items() if re.fullmatch(known, program))
    return next(told, None)


def fingerprint(root: Path) -> str:
    """A hash over what set-up goes by: lock files, manifests and requirements, without what only checkers read."""
    digest = hashlib.sha256()
    for folder, names in _walk(root):
        for name in sorted(names):
            if name in MANIFESTS or re.search(r"requirements.*\.(?:txt|in)$|\.(?:sln|csproj|gemspec|lock)$", name):
                path = folder / name
                digest.update(f"{path.relative_to(root)}\0".encode(errors="surrogateescape"))
                digest.update(hashlib.sha256(_telling(folder, name)).digest())
    return digest.hexdigest()


def has_python(root: Path) -> bool:
    """Whether the repository holds a Python project."""
    names = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
    return any(name in names or name.startswith("requirements") for _, found in _walk(root) for name in found)


def _telling(folder: Path, name: str) -> bytes:
    """The part of a file that decides what is installed."""
    if name == "pyproject.toml" and (data := Folder(folder).pyproject):
        tools = {tool: value for tool, value in table(data, "tool").items() if tool not in _OF_CHECKERS}
        return json.dumps({**data, "tool": tools}, sort_keys=True, default=str).encode()
    if name == "package.json" and (data := Folder(folder).package):
        return json.dumps(_installing(data), sort_keys=True).encode()
    try:
        return read_file(folder / name)
    except OSError:
        return b""


def _installing(package: dict[str, Any]) -> dict[str, Any]:
    scripts = {name: table(package, "scripts").get(name) for name in _OF_INSTALLING}
    told = {key: value for key, value in package.items() if key in _OF_PACKAGES or "ependencies" in key}
    return {**told, "scripts": scripts}


def _steps(root: Path, installed: Installed, checks: Sequence[str]) -> Iterator[tuple[str, Step]]:
    """Steps with their folder relative to `root`. A folder below one that is set up needs a lock file of its own."""
    done = set[tuple[str, str]]()
    for path, names in _walk(root):
        folder, place = Folder(path), path.relative_to(root).as_posix()
        found = (python_step(folder, installed, checks), node_step(folder, installed), *other_steps(folder, installed))
        for step in filter(None, found):
            is_part = any(language == step.language and _is_within(place, above) for above, language in done)
            if not is_part or _LOCKS.intersection(names) & {step.source}:
                done.add((place, step.language))
                yield place, step


def _is_within(place: str, above: str) -> bool:
    return above == "." or place.startswith(f"{above}/")


def _line(folder: str, step: Step, *, alone: bool) -> str:
    if folder == ".":
        return step.command
    line = f"cd {shlex.quote(folder)} && {step.command}"
    return line if alone else f"({line})"


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the files in them, the root first, hidden ones and those beside the code left out."""
    for folder, folders, files in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        kept = sorted(name for name in folders if not name.startswith(".") and name not in _ASIDE)
        folders[:] = kept if depth < _DEPTH else []
        yield Path(folder), files
