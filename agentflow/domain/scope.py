"""Write scope: which paths a subtask's `files` globs cover.

Patterns are git's ignore patterns, each anchored at the repository root: `src/auth/**`, `*.py` (top level only),
`**/*.py` (anywhere). As in git, a pattern that names a folder covers everything inside it: `src`, `src/` and `src/*`
all cover `src/a/b.py`. Brackets are tried both as a character class and as themselves, so that `pages/[id].tsx`
covers the file of that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def matches_scope(path: str, files: Sequence[str]) -> bool:
    """Whether `path`, relative to the repository root with `/` between its parts, is inside the write scope."""
    return _is_repository_path(path) and _scope(tuple(files)).match_file(path)


def _is_repository_path(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not {"..", ".git"} & set(parts)


@lru_cache(maxsize=256)
def _scope(files: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines([line for pattern in files for line in _anchored(pattern)])


def _anchored(pattern: str) -> list[str]:
    """Lines that begin with `/`: anchored, and free of the special meaning of a leading `!` or `#`."""
    inner = pattern.strip().removeprefix("./").lstrip("/")
    if inner in {"", "."}:
        return ["/**"] if pattern.strip() else []
    literal = inner.replace("[", r"\[").replace("]", r"\]")
    return [f"/{inner}"] if literal == inner else [f"/{inner}", f"/{literal}"]
