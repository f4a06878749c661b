"""Which checks a repository has, when neither the plan nor the configuration names any."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.checks.virtualenvs import virtualenv_of
from agentflow.domain.evidence import Check

_NOT_OURS = frozenset({"node_modules", "venv", "env", "build", "dist", "site-packages", "target", "vendor"})
_PYTEST_MARK = re.compile(r"^[ \t]*(?:import pytest|from pytest\b)|^(?:async )?def test", re.MULTILINE)
_UNITTEST_MARK = re.compile(r"^[ \t]*(?:import unittest|from unittest\b)|\bTestCase\b", re.MULTILINE)
_MAKE_TEST = re.compile(r"^(?:[^\s:#=]+ +)*test(?: +[^\s:#=]+)* *::?(?!=)", re.MULTILINE)


def discover_checks(root: Path) -> tuple[Check, ...]:
    """The checks of the repository at `root`, one per language found; empty when there is nothing to run.

    `make test` is offered only when nothing more specific is found, tox and nox only without pytest and unittest.
    """
    found = (_python(root), _node(root), _cargo(root), _go(root))
    return tuple(check for check in found if check) or tuple(_make(root))


def _python(root: Path) -> Check | None:
    return _pytest(root) or _unittest(root) or _environments(root)


def _pytest(root: Path) -> Check | None:
    source = _pytest_setting(root) or _test_module(root, _PYTEST_MARK)
    return Check(f"{_interpreter(root)} -m pytest -q", source) if source else None


def _pytest_setting(root: Path) -> str | None:
    tools = _toml(root / "pyproject.toml").get("tool")
    settings = tools.get("pytest") if isinstance(tools, dict) else None
    if isinstance(settings, dict):
        return f"pyproject.toml [tool.pytest{'.ini_options' if 'ini_options' in settings else ''}]"
    for name in ("pytest.toml", "pytest.ini", ".pytest.ini", "conftest.py"):
        if (root / name).is_file():
            return name
    return _ini_section(root, ("tox.ini", "setup.cfg"), ("pytest", "tool:pytest"))


def _unittest(root: Path) -> Check | None:
    source = _test_module(root, _UNITTEST_MARK)
    if not source:
        return None
    folder = source.partition("/")[0] if "/" in source else ""
    start = f" -s {folder}" if folder in _TEST_FOLDERS and not (root / folder / "__init__.py").exists() else ""
    return Check(f"{_interpreter(root)} -m unittest discover{start}", source)


def _environments(root: Path) -> Check | None:
    if (root / "noxfile.py").is_file():
        return Check("nox", "noxfile.py")
    section = _ini_section(root, ("tox.ini", "setup.cfg"), ("tox", "testenv", "tox:tox"))
    source = "tox.toml" if (root / "tox.toml").is_file() else section
    return Check("tox", source) if source else None


def _node(root: Path) -> Check | None:
    package = _json(root / "package.json")
    scripts = package.get("scripts")
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return None
    return Check(f"{_package_manager(root, package)} test", "package.json scripts.test")


def _package_manager(root: Path, package: dict[str, Any]) -> str:
    for lock, manager in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("package-lock.json", "npm")):
        if (root / lock).exists():
            return manager
    wanted = str(package.get("packageManager", "")).partition("@")[0]
    return wanted if wanted in {"pnpm", "yarn"} else "npm"


def _cargo(root: Path) -> Check | None:
    return Check("cargo test", "Cargo.toml") if (root / "Cargo.toml").is_file() else None


def _go(root: Path) -> Check | None:
    return Check("go test ./...", "go.mod") if (root / "go.mod").is_file() else None


def _make(root: Path) -> Iterator[Check]:
    """GNU make reads the first of these names that exists."""
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if (root / name).is_file():
            if _MAKE_TEST.search(_text(root / name)):
                yield Check("make test", f"{name} target test")
            return


def _interpreter(root: Path) -> str:
    """Some systems install only `python3`; a virtualenv always has `python`."""
    return "python" if virtualenv_of(root) or shutil.which("python") else "python3"


_TEST_FOLDERS = ("tests", "test")


def _test_module(root: Path, mark: re.Pattern[str]) -> str | None:
    """The first Python test module, relative to `root`, whose text carries the mark."""
    return next((str(path.relative_to(root)) for path in _test_modules(root) if mark.search(_text(path))), None)


def _test_modules(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        for name in sorted(files):
            if name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py")):
                yield Path(folder, name)


def _ini_section(root: Path, names: tuple[str, ...], sections: tuple[str, ...]) -> str | None:
    for name in names:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(_text(root / name))
        except configparser.Error:
            continue
        for section in filter(parser.has_section, sections):
            return f"{name} [{section}]"
    return None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _text(path: Path) -> str:
    """The file's text, empty when it is missing or unreadable: a file we cannot read names no check."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
