"""Repositories whose own configuration may say what hooks do in a person's sessions: those that the person set up."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentflow.config.machine import make_folder, write_private
from agentflow.config.paths import state_dir
from agentflow.config.reading import read_file


def trusted_path() -> Path:
    """The list: a JSON array of roots."""
    return state_dir() / "hooks" / "trusted.json"


def is_trusted(root: Path) -> bool:
    """Whether the user set this repository up, here or in the checkout that this worktree is linked to."""
    main = main_checkout(root.resolve())
    return not _roots().isdisjoint({str(root.resolve()), *([str(main)] if main else [])})


def trust(root: Path) -> None:
    """From now on hooks go by this repository's `hooks:`; raises OSError."""
    _write({*_roots(), str(root.resolve())})


def distrust(root: Path) -> None:
    """Take that back; raises OSError."""
    if str(root.resolve()) in _roots():
        _write(_roots() - {str(root.resolve())})


def main_checkout(root: Path) -> Path | None:
    """The checkout that `root` is a linked worktree of. Its git folder must say so too: anybody can write a `.git`."""
    try:
        own = (root / _link(root / ".git").removeprefix("gitdir:").strip()).resolve()
        named = Path(_link(own / "gitdir").strip())
    except (OSError, ValueError):
        return None
    is_linked = named == root / ".git" and own.parent.name == "worktrees" and own.parents[1].name == ".git"
    return own.parents[2] if is_linked else None


def _link(path: Path) -> str:
    return read_file(path, most=4096).decode("utf-8", "surrogateescape")


def _roots() -> set[str]:
    """A list that cannot be read trusts nobody."""
    try:
        roots = json.loads(trusted_path().read_bytes())
    except (OSError, ValueError):
        return set()
    return {root for root in roots if isinstance(root, str)} if isinstance(roots, list) else set()


def _write(roots: set[str]) -> None:
    path = trusted_path()
    make_folder(path.parent)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(fresh, json.dumps(sorted(roots), indent=2) + "\n")
    fresh.replace(path)
