"""A folder of a repository as set-up sees it: its manifests, read with forbearance."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agentflow.config.reading import read_file

#: Says whether a program is installed.
Installed = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Step:
    """What prepares one folder for one language. `source` is the file that tells so."""

    language: str
    command: str
    source: str


class Folder:
    """One folder. What cannot be read or parsed says nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, *names: str) -> str | None:
        """The first of these files that is there."""
        return next((name for name in names if (self.path / name).is_file()), None)

    def text(self, name: str) -> str:
        try:
            return read_file(self.path / name).decode("utf-8", "replace")
        except OSError:
            return ""

    @cached_property
    def pyproject(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text("pyproject.toml"))
        except (ValueError, RecursionError):
            return {}

    @cached_property
    def package(self) -> dict[str, Any]:
        """`package.json`."""
        try:
            data = json.loads(self.text("package.json"))
        except (ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


def table(data: Any, *keys: str) -> dict[str, Any]:
    """A table inside nested data; empty when it is missing or something else."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
