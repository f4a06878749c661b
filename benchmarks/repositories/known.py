"""What is known of the repositories that are tried: `known.toml`, or another table of its form."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Known:
    """One repository: where it is from, how its developers set it up, and a fix of its history (see known.toml)."""

    name: str
    repository: str
    shape: str
    fix: str
    files: tuple[str, ...]
    prepare: tuple[str, ...]
    tree: str = "origin/HEAD"
    hunks: tuple[int, ...] | None = None
    check: str | None = None
    modules: dict[str, str] = field(default_factory=dict)
    needed: str = "never tried"


def known(file: Path) -> list[Known]:
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return [Known(name, **{key: _frozen(value) for key, value in entry.items()}) for name, entry in table.items()]


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
