"""Reading the small files by which a project says how it is tested. A file we cannot read says nothing."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentflow.checks.virtualenvs import virtualenv_of
from agentflow.config.reading import read_file

#: Folders that hold nobody's own checks: installed, built, copied in, or there to be read by tests and people.
NOT_OURS = frozenset({
    "node_modules", "bower_components", "venv", "env", "site-packages", "vendor", "third_party", "third-party",
    "build", "dist", "target", "out", "obj", "Pods",
    "fixtures", "__fixtures__", "testdata", "test-data", "examples", "example", "samples", "templates",
})  # fmt: skip


def text_of(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8", "replace")
    except OSError:
        return ""


def toml_of(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path))
    except (ValueError, RecursionError):  # a number of too many digits is no TOMLDecodeError
        return {}


def json_of(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(text_of(path))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def table(data: object, *names: str) -> dict[str, Any]:
    """The table under these names; empty where there is none, whatever is there instead."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def strings(data: object) -> tuple[str, ...]:
    return tuple(item for item in data if isinstance(item, str)) if isinstance(data, list) else ()


def ini_sections(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text_of(path))
    except configparser.Error:
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def first_section(root: Path, names: tuple[str, ...], sections: tuple[str, ...]) -> str | None:
    """`setup.cfg [tool:pytest]`: the first of these sections in the first of these files that has one."""
    for name in names:
        found = ini_sections(root / name)
        for section in sections:
            if section in found:
                return f"{name} [{section}]"
    return None


def first_file(root: Path, *names: str) -> str | None:
    return next((name for name in names if (root / name).is_file()), None)


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders under `root` with their files' names, sorted, without hidden ones and what is not the project's own.

    A link is no folder, and neither is a root that is one: what it leads to may be the whole machine.
    """
    if root.is_symlink():
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in NOT_OURS)
        yield Path(folder), sorted(files)


def interpreter(root: Path) -> str:
    """Some systems install only `python3`; a virtualenv always has `python`."""
    return "python" if virtualenv_of(root) or shutil.which("python") else "python3"
