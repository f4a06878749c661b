"""What of a worktree's untracked files is an agent's work, where git's ignore rules alone do not say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from agentflow.domain.scope import matches_scope
from agentflow.domain.secret_files import may_hold_secrets

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: What tools leave behind and nobody means to commit; gitignore patterns, for untracked files only.
CACHES = (
    "__pycache__",
    "*.pyc",
    "*.egg-info",
    ".eggs",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".venv",
    ".coverage",
    ".coverage.*",
    "node_modules",
    ".DS_Store",
)

#: What builds and tools make, and people ignore on purpose: committed only where an agent's own tool wrote it.
ARTEFACTS = (
    "build/", "dist/", "out/", "target/", "coverage/", "htmlcov/", "wheels/", "venv/", "env/", "tmp/", "logs/",
    ".next/", ".nuxt/", ".cache/", ".parcel-cache/", ".turbo/", ".gradle/", ".terraform/", ".idea/", ".vscode/",
    "*.o", "*.a", "*.so", "*.dylib", "*.dll", "*.exe", "*.class", "*.jar", "*.whl", "*.egg", "*.tsbuildinfo",
    "*.log", "*.tmp", "*.swp", "*~", "*.orig", "*.rej", "*.bak", "*.sqlite3", "*.db", "coverage.xml",
)  # fmt: skip

#: The most that a file which an ignore rule hides may hold to be committed all the same.
MAX_HIDDEN_BYTES = 1_000_000

_GLOB = re.compile(r"[*?\[\]{}\\]")


def is_cache(path: str) -> bool:
    """Whether a tool keeps it for itself."""
    return _spec(CACHES).match_file(path)


def is_artefact(path: str) -> bool:
    """Whether a build or a tool usually makes it."""
    return _spec(ARTEFACTS).match_file(path)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a commit is asked to hold.

    `scope` are the globs of the subtask, `written` the paths that the session's own tools wrote, `left_by_checks` the
    paths that the repository's checks leave behind by themselves, folders with a slash at their end.
    """

    scope: tuple[str, ...] = ()
    written: frozenset[str] = frozenset()
    left_by_checks: tuple[str, ...] = ()

    def places(self) -> tuple[str, ...]:
        """The files and folders that the scope names before its first glob sign; "" for the whole repository."""
        return tuple(dict.fromkeys("/".join(_named(entry)) for entry in self.scope))

    def names(self, path: str) -> bool:
        """Whether the scope has an entry for just this path."""
        return any(path == "/".join(_named(entry)) and not _GLOB.search(entry) for entry in self.scope)

    def covers(self, path: str) -> bool:
        return matches_scope(path, self.scope)

    def is_left_by_checks(self, path: str) -> bool:
        """Whether running the checks leaves it, and nothing shows that the agent wanted it."""
        if path in self.written or self.names(path):
            return False
        return any(path == left or (left.endswith("/") and path.startswith(left)) for left in self.left_by_checks)

    def against(self, path: str, *, named_folder: bool) -> str:
        """Why a file that an ignore rule hides stays out of the commit; empty when it is the agent's work.

        `named_folder`: the scope names a folder around it that is itself ignored.
        """
        if may_hold_secrets(path):
            return "it looks like a secret"
        if path in self.written or self.names(path):
            return ""
        if is_artefact(path):
            return "it looks like something a build made"
        return "" if named_folder else "it was not written with Write or Edit"


def _named(entry: str) -> Iterator[str]:
    for part in PurePosixPath(entry.strip().lstrip("/")).parts:
        if _GLOB.search(part):
            return
        yield part


@lru_cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)
