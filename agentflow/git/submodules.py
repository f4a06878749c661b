"""Submodules: their committed files, taken from the user's initialised copies, without network."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from agentflow.git.command import git, settings
from agentflow.git.file_system import AS_COMMITTED, told_by


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule as a commit records it: where it lies in the user's checkout and which commit it is at."""

    name: str
    source: Path
    commit: str

    async def is_available(self) -> bool:
        """Whether the user has initialised it and it holds the recorded commit."""
        if not (self.source / ".git").exists():
            return False
        return (await git(self.source, "cat-file", "-e", f"{self.commit}^{{commit}}", check=False)).ok


async def find_submodules(root: Path, commit: str) -> tuple[Submodule, ...]:
    """The submodules `commit` records in the repository checked out at `root`; nested ones are found from theirs."""
    if not (await git(root, "cat-file", "-e", f"{commit}:.gitmodules", check=False)).ok:
        return ()
    entries = (await git(root, "ls-tree", "-r", "-z", "--full-tree", commit)).fields
    links = (entry[len("160000 commit ") :].partition("\t") for entry in entries if entry.startswith("160000 "))
    return tuple(Submodule(name, root / name, recorded) for recorded, _, name in links)


async def lay_out_submodules(root: Path, commit: str, target: Path) -> bool:
    """Put the files of every available submodule of `commit` under `target`, as plain files; says if it has any.

    They stay outside what a commit of the worktree can hold: git still sees the submodule's recorded commit there.
    """
    found = await find_submodules(root, commit)
    for submodule in found:
        if await submodule.is_available():
            await _lay_out(submodule, target / submodule.name)
    return bool(found)


async def _lay_out(submodule: Submodule, target: Path) -> None:
    git_dir = (await git(submodule.source, "rev-parse", "--absolute-git-dir")).line
    with tempfile.TemporaryDirectory() as scratch:
        place = {"GIT_DIR": git_dir, "GIT_WORK_TREE": str(target), "GIT_INDEX_FILE": f"{scratch}/index"}
        env = {**place, **settings({**AS_COMMITTED, **told_by(target.parent)})}
        await git(target, "read-tree", submodule.commit, env=env)
        await git(target, "checkout-index", "--all", "--force", env=env)
    await lay_out_submodules(submodule.source, submodule.commit, target)
