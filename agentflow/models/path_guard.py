"""Which paths a worker may read and write. Pure but for the symlinks on disk: a path in, a reason for refusal out."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from agentflow.domain.scope import matches_scope, named_parts

#: Files that steer agents and tools: written only when the write scope names them.
STEERING = frozenset({".claude", ".agentflow", ".mcp.json", "claude.md", "claude.local.md", "agents.md"})

#: How a refusal begins of a write that the scope alone forbids.
OUTSIDE_SCOPE = "outside the subtask's files"
OUTSIDE_WORKTREE = "the path is outside the worktree"
GIT_FOLDER = "the .git folder is not the worker's"
#: What Claude Code's own tools refuse, which write UTF-8.
OTHER_ENCODING = "it is not UTF-8"
STEERS = "steers agents; the subtask's files must name it"


def unreadable(named: str, cwd: Path) -> str | None:
    """Why a file or folder may not be read; None when it may."""
    if not named:
        return "no path is given"
    inside = _inside(named, cwd)
    if inside is None:
        return OUTSIDE_WORKTREE
    return GIT_FOLDER if ".git" in _folded(inside) else None


def unwritable(named: str, cwd: Path, scope: Sequence[str]) -> str | None:
    """Why a file may not be written; None when it may."""
    if reason := unreadable(named, cwd):
        return reason
    inside = _inside(named, cwd)
    return _forbidden_in(inside, scope) if inside is not None else OUTSIDE_WORKTREE


def unremovable(named: str, cwd: Path, scope: Sequence[str]) -> str | None:
    """Why a file, a link or a whole folder may not be taken away from where it is; None when it may.

    A link is itself here, not what it leads to.
    """
    if not named:
        return "no path is given"
    place = own_place(named, cwd)
    if place == cwd or not place.is_relative_to(cwd):
        return OUTSIDE_WORKTREE
    whole = place.rglob("*") if place.is_dir() and not place.is_symlink() else [place]
    files = [file for file in whole if file.is_symlink() or not file.is_dir()] or [place]
    reasons = (_forbidden_in(PurePosixPath(file.relative_to(cwd)), scope) for file in files)
    return next((reason for reason in reasons if reason), None)


def own_place(named: str, cwd: Path) -> Path:
    """Where a path stands, the symlinks of its folders followed but not its own."""
    try:
        path = Path(os.path.normpath(cwd / named))
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):
        return Path(os.sep)


def leaving_glob(glob: str, cwd: Path) -> str | None:
    """Why a glob may find files outside the worktree; None when it cannot."""
    glob = glob.removeprefix(f"{cwd}/").casefold()
    # Braces hide alternatives: `{..,src}/x` and `{/etc,src}/x`.
    rooted = glob.startswith(("/", "~")) or any(start in glob for start in ("{/", ",/", "{~", ",~"))
    parts = set(re.split(r"[/{},]", glob))
    return "the glob leaves the worktree" if rooted or "\\" in glob or parts & {"..", ".git"} else None


def _inside(named: str, cwd: Path) -> PurePosixPath | None:
    """Where a path really leads, symlinks of every parent followed, relative to `cwd`; None when that is outside."""
    if not named or named.startswith("~") or "\0" in named:
        return None
    try:
        return PurePosixPath((cwd / named).resolve().relative_to(cwd))
    except (OSError, RuntimeError, ValueError):
        return None


def _forbidden_in(inside: PurePosixPath, scope: Sequence[str]) -> str | None:
    if ".git" in _folded(inside):
        return GIT_FOLDER
    if not matches_scope(inside.as_posix(), scope):
        return f"{OUTSIDE_SCOPE}: {', '.join(scope) or 'none may be written'}"
    named_by_scope = {part.casefold() for part in named_parts(scope)}
    if unnamed := sorted((_folded(inside) & STEERING) - named_by_scope):
        return f"{unnamed[0]} {STEERS}"
    return None


def _folded(path: PurePosixPath) -> set[str]:
    return {part.casefold() for part in path.parts}
