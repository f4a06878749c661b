"""Making, moving and deleting the entries that the shared git directory keeps of agentflow's worktrees.

Each appears and vanishes in one rename: `git worktree add` and `remove` do it file by file, and whoever looks in
between (a person's git among them, which looks at every entry to see which branches are in use) may stop with an error.
All of them are locked, so that `git worktree prune`, which editors run by themselves, leaves them alone.

Callers hold the shared lock.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from agentflow.config.machine import make_folder
from agentflow.git.command import git, settings
from agentflow.git.linked import entries, leads_to, record_head, worktree_of
from agentflow.git.repository import Repository

_LOCKED = "agentflow is at work here\n"
#: Beside `worktrees` in the shared git directory, where git does not look: an entry that is being made or deleted.
_HIDDEN = "agentflow-entry-"


async def make_entry(repository: Repository, worktree: Path, commit: str) -> None:
    """An entry for a worktree, in which nothing is checked out yet. `commit` is a full id."""
    if (repository.common_dir / "reftable").exists():
        await _made_by_git(repository, worktree, commit)
    else:
        await asyncio.to_thread(_make, repository, worktree, commit)


def _make(repository: Repository, worktree: Path, commit: str) -> None:
    make_folder(worktree.parent)
    worktree.mkdir()
    draft = Path(tempfile.mkdtemp(prefix=_HIDDEN, dir=repository.common_dir))
    draft.chmod(0o755)
    said = {"HEAD": f"{commit}\n", "commondir": "../..\n", "gitdir": f"{worktree / '.git'}\n", "locked": _LOCKED}
    for name, text in said.items():
        (draft / name).write_text(text, errors="surrogateescape", encoding="utf-8")
    record_head(draft, commit)
    _put(draft, _home(repository, worktree), worktree)


async def _made_by_git(repository: Repository, worktree: Path, commit: str) -> None:
    """Where refs are kept in tables, an entry has a table of its own."""
    words = ("worktree", "add", "--lock", "--detach", "--no-checkout", str(worktree), commit)
    await git(repository.root, *words, env=settings({"worktree.useRelativePaths": "false"}))
    entry = next(e for e in entries(repository) if leads_to(e, worktree))
    (entry / "config.worktree").unlink(missing_ok=True)
    record_head(entry, commit)


def move_worktree_to(entry: Path, old: Path, new: Path) -> None:
    """Move a worktree. Its entry keeps its name: whoever looks at the entries just now is to find it there."""
    old.rename(new)
    draft = entry / "agentflow-gitdir"
    draft.write_text(f"{new / '.git'}\n", errors="surrogateescape", encoding="utf-8")
    draft.replace(entry / "gitdir")


def delete_entries(repository: Repository, worktree: Path, ours: Path) -> None:
    """Delete the entries of a worktree, locked and half-made ones too, and those of runs whose folder is gone.

    `ours` is the folder in which all runs have theirs. Harmless where somebody else deletes them as well.
    """
    for entry in entries(repository):
        if leads_to(entry, worktree) or _is_half_made(entry, worktree) or _is_lost(entry, ours):
            with suppress(FileNotFoundError):
                entry.rename(Path(tempfile.mkdtemp(prefix=_HIDDEN, dir=repository.common_dir)))
    for hidden in repository.common_dir.glob(f"{_HIDDEN}*"):
        shutil.rmtree(hidden, ignore_errors=True)


def _home(repository: Repository, worktree: Path) -> Path:
    """A free place for an entry, named as git would name it."""
    folder = repository.common_dir / "worktrees"
    name, n = re.sub(r"[^\w.-]", "-", worktree.name, flags=re.ASCII), 0
    while (folder / f"{name}{n or ''}").exists():
        n += 1
    return folder / f"{name}{n or ''}"


def _put(draft: Path, home: Path, worktree: Path) -> None:
    while True:
        home.parent.mkdir(exist_ok=True)
        try:
            draft.rename(home)
            break
        except FileNotFoundError:  # git deletes the folder as soon as it is empty, when it prunes
            if not draft.exists():
                raise
    (worktree / ".git").write_text(f"gitdir: {home}\n", errors="surrogateescape", encoding="utf-8")


def _is_half_made(entry: Path, worktree: Path) -> bool:
    """A `git worktree add` that was killed before it wrote where its worktree is: only the name tells whose it was."""
    begun = re.fullmatch(re.escape(worktree.name) + r"\d*", entry.name) is not None
    return begun and worktree_of(entry) is None


def _is_lost(entry: Path, ours: Path) -> bool:
    """A worktree of ours whose whole run somebody deleted from the cache folder: it is locked, so nobody prunes it."""
    worktree = worktree_of(entry)
    return worktree is not None and worktree.is_relative_to(ours) and not worktree.parent.exists()
