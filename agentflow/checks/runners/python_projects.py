"""How a Python project says that it is tested with pytest or unittest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.checks.runners.files import (
    first_file,
    first_section,
    ini_sections,
    strings,
    table,
    text_of,
    toml_of,
    walk,
)

MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg")
PYTEST_MARK = re.compile(r"^[ \t]*(?:import pytest|from pytest\b)|^(?:async )?def test", re.MULTILINE)
UNITTEST_MARK = re.compile(r"^[ \t]*(?:import unittest|from unittest\b)|\bTestCase\b", re.MULTILINE)


def pytest_setting(root: Path) -> str | None:
    """Where the project holds pytest's settings, for people."""
    settings = table(toml_of(root / "pyproject.toml"), "tool").get("pytest")
    if isinstance(settings, dict):
        return f"pyproject.toml [tool.pytest{'.ini_options' if 'ini_options' in settings else ''}]"
    return first_file(root, "pytest.toml", "pytest.ini", ".pytest.ini", "conftest.py") or first_section(
        root, ("tox.ini", "setup.cfg"), ("pytest", "tool:pytest")
    )


def test_paths(root: Path) -> tuple[str, ...]:
    """The folders to which pytest's settings keep it; empty when it looks everywhere."""
    settings = table(toml_of(root / "pyproject.toml"), "tool", "pytest")
    listed = table(settings, "ini_options").get("testpaths", settings.get("testpaths"))
    if listed is None:
        for file, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            listed = listed or ini_sections(root / file).get(section, {}).get("testpaths")
    found = tuple(listed.split()) if isinstance(listed, str) else strings(listed)
    return tuple(path.removeprefix("./").rstrip("/") for path in found)


def test_module(root: Path, mark: re.Pattern[str]) -> str | None:
    """The first Python test module, relative to `root`, whose text carries the mark."""
    return next((path.relative_to(root).as_posix() for path in test_modules(root) if mark.search(text_of(path))), None)


def test_modules(root: Path) -> Iterator[Path]:
    for folder, files in walk(root):
        for name in files:
            if name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py")):
                yield folder / name
