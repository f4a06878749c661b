"""The tree of a worktree: everything an agent changed, and nothing its tools left behind."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from agentflow.git.command import GitOutput
from agentflow.git.linked import entry_of, git_in, is_included, record_included, recorded_included
from agentflow.git.repository import Repository

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

#: Claude Code's sandbox holds these places with empty read-only files, and leaves them when it is killed.
_PLACEHOLDERS = frozenset(
    {
        *(".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zprofile", ".zshenv"),
        *(".gitconfig", ".gitmodules", ".gitignore_global", ".ripgreprc", ".mcp.json", ".idea", ".vscode", ".claude"),
        *(".claude.json", ".npmrc", ".netrc", ".env", "package.json", "yarn.lock", "node_modules"),
    }
)

#: What is neither tracked nor ignored nor a tool's cache.
LIST_UNTRACKED = ("ls-files", "-z", "--others", "--exclude-standard", *(f"--exclude={pattern}" for pattern in CACHES))


async def disown(repository: Repository, worktree: Path) -> None:
    """Nothing that set-up or a check did in the worktree is the agent's: call it after each, with all work committed.

    Tracked files become as they were committed again (a lock file that was rewritten, say); what lies untracked stays,
    and is kept out of every commit.
    """
    entry = entry_of(repository, worktree)
    await git_in(repository, worktree, "reset", "--hard", "--quiet")
    listed = await git_in(repository, worktree, *LIST_UNTRACKED)
    record_included(entry, tuple(sorted(recorded_included(entry).union(listed.fields))))


class Staging:
    """A fresh index of a worktree, next to its own: nothing done to the old one can hide a change."""

    def __init__(self, repository: Repository, worktree: Path) -> None:
        self._repository = repository
        self._worktree = worktree
        self._entry = entry_of(repository, worktree)
        self._index = self._entry / "agentflow-index"

    async def tree(self, head: str) -> str:
        """The tree id of `head` with everything that changed in the worktree."""
        self.discard()
        await self._git("read-tree", head)
        await self._git("update-index", "-q", "--refresh", "--ignore-submodules", check=False)
        gone, changed = await self._tracked()
        await self._update(gone, "--force-remove")
        await self._update([*changed, *await self._untracked()], "--add", "--remove", "--replace")
        return (await self._git("write-tree")).line

    def publish(self) -> None:
        """Make it the worktree's index, so that git shows the agent a clean worktree after a commit."""
        (self._entry / "index.lock").unlink(missing_ok=True)
        self._index.replace(self._entry / "index")

    def discard(self) -> None:
        for leftover in (self._index, self._index.with_suffix(".lock")):
            leftover.unlink(missing_ok=True)

    async def _tracked(self) -> tuple[list[str], list[str]]:
        """Paths of the commit that are gone from the worktree, and those that differ."""
        listed = await self._git("diff-files", "-z", "--name-status", "--no-renames", "--ignore-submodules=all")
        pairs = list(zip(listed.fields[::2], listed.fields[1::2], strict=True))
        gone = [path for status, path in pairs if status == "D" or not self._can_hold(path)]
        return gone, [path for _, path in pairs if path not in set(gone)]

    async def _untracked(self) -> list[str]:
        listed = await self._git(*LIST_UNTRACKED)
        unwanted = recorded_included(self._entry)
        # A name that ends in "/" is a repository of its own, which a commit cannot hold.
        names = (name for name in listed.fields if not name.endswith("/") and not is_included(name, unwanted))
        return [name for name in names if not self._is_placeholder(name)]

    def _can_hold(self, name: str) -> bool:
        mode = (self._worktree / name).lstat().st_mode
        return stat.S_ISREG(mode) or stat.S_ISLNK(mode)

    def _is_placeholder(self, name: str) -> bool:
        if name.partition("/")[0] not in _PLACEHOLDERS:
            return False
        found = (self._worktree / name).lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size == 0 and stat.S_IMODE(found.st_mode) == 0o444

    async def _update(self, names: Iterable[str], *how: str) -> None:
        given = "".join(f"{name}\0" for name in names).encode(errors="surrogateescape")
        if given:
            await self._git("update-index", *how, "-z", "--stdin", stdin=given)

    async def _git(self, *args: str, check: bool = True, stdin: bytes = b"") -> GitOutput:
        env = {"GIT_INDEX_FILE": str(self._index)}
        return await git_in(self._repository, self._worktree, *args, check=check, env=env, stdin=stdin)
