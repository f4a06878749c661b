"""What a Python repository's files say about its tests."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.checks.environment import virtualenv_of

_NOT_OURS = frozenset({"node_modules", "venv", "env", "build", "dist", "site-packages", "target", "vendor"})


def interpreter(root: Path) -> str:
    """Some systems install only `python3`; a virtualenv always has `python`."""
    return "python" if virtualenv_of(root) or shutil.which("python") else "python3"


def module_of_tests(root: Path, mark: re.Pattern[str]) -> str | None:
    """The first Python test module, relative to `root`, whose text carries the mark."""
    return next((str(path.relative_to(root)) for path in _test_modules(root) if mark.search(text(path))), None)


def ini_section(root: Path, names: tuple[str, ...], sections: tuple[str, ...]) -> tuple[str, dict[str, str]] | None:
    """The first of these sections in these files: `tox.ini [pytest]` and its settings."""
    for name in names:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text(root / name))
        except configparser.Error:
            continue
        for section in filter(parser.has_section, sections):
            return f"{name} [{section}]", dict(parser.items(section))
    return None


def toml(path: Path) -> dict[str, Any]:
    """The file's tables, empty where it is missing or no TOML."""
    try:
        return tomllib.loads(text(path))
    except tomllib.TOMLDecodeError:
        return {}


def text(path: Path) -> str:
    """The file's text, empty when it is missing or unreadable: a file we cannot read names no check."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _test_modules(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_OURS)
        for name in sorted(files):
            if name.endswith(".py") and (name.startswith("test") or name.endswith("_test.py")):
                yield Path(folder, name)
