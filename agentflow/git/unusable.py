"""Why git cannot use a repository, and what helps. What is damaged is never said to be new."""

from __future__ import annotations

import os
from pathlib import Path

from agentflow.config.paths import repository_root
from agentflow.config.reading import read_file
from agentflow.errors import EnvironmentError_
from agentflow.git.command import DAMAGED, complaint, git
from agentflow.git.process import GitOutput

START = "git add . && git commit -m 'Start'"
#: What sends git elsewhere than to the folder it is in (a hook's git sets them, and some people do), and how git itself
#: names that place. agentflow goes by the folder alone.
_ELSEWHERE = {
    "GIT_DIR": ("--absolute-git-dir",),
    "GIT_WORK_TREE": ("--show-toplevel",),
    "GIT_COMMON_DIR": ("--path-format=absolute", "--git-common-dir"),
    "GIT_OBJECT_DIRECTORY": ("--path-format=absolute", "--git-path", "objects"),
}


async def not_usable(path: Path, answer: GitOutput) -> EnvironmentError_:
    """What stands between git and the folder `path`, by git's own answer."""
    if "dubious ownership" in answer.stderr:
        return EnvironmentError_(
            f"{path} belongs to another user, so git does not trust it",
            hint=f"if you do: git config --global --add safe.directory {path}",
        )
    if "not a git repository" not in answer.stderr:
        return EnvironmentError_(f"git cannot use {path}: {complaint(answer)}")
    if "filesystem boundary" in answer.stderr:
        return EnvironmentError_(
            f"{path} is not in a git repository on this file system",
            hint="if it is in one above the mount point: export GIT_DISCOVERY_ACROSS_FILESYSTEM=1",
        )
    root = repository_root(path)
    if root is not None and not (await git(root, "rev-parse", "--git-dir", check=False)).ok:
        return _broken_link(root) if (root / ".git").is_file() else _damaged(f"{root / '.git'} is no git directory")
    elsewhere = next((name for name in _ELSEWHERE if os.environ.get(name)), None)
    if elsewhere is not None:
        return EnvironmentError_(
            f"{path} is not in a git repository, and agentflow does not go by {elsewhere}",
            hint=f"work in a worktree of it: git worktree add ../work && cd ../work && unset {elsewhere}",
        )
    return EnvironmentError_(f"{path} is not in a git repository", hint=f"git init && {START}")


async def without_head(root: Path) -> EnvironmentError_:
    """HEAD leads to no commit: because there is none yet, or because what it leads to cannot be read."""
    branch = (await git(root, "symbolic-ref", "--quiet", "HEAD", check=False)).line
    known = await git(root, "for-each-ref", "--format=%(objectname)", branch, check=False) if branch else None
    if known is not None and known.ok and not known.stdout and not known.stderr:
        return EnvironmentError_(f"{root} has no commit yet", hint=f"make a first commit: {START}")
    return _damaged(f"{root}: what HEAD leads to cannot be read")


async def require_here(path: Path) -> None:
    """Raise EnvironmentError_ when a variable names another place than the one git finds from the folder."""
    for name, question in _ELSEWHERE.items():
        if given := os.environ.get(name):
            found = (await git(path, "rev-parse", *question)).line
            if not is_same(Path(path, given), Path(found)):
                raise EnvironmentError_(
                    f"{name} is {given}, and {path} belongs to {found}: agentflow goes by the folder it is in",
                    hint=f"unset {name}, or go to the folder you mean",
                )


def is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _broken_link(root: Path) -> EnvironmentError_:
    target = read_file(root / ".git").decode("utf-8", "replace").removeprefix("gitdir:").strip()[:4096]
    return EnvironmentError_(
        f"{root / '.git'} leads to {target}, and git finds no repository there",
        hint=f"if that was moved, say so there: git worktree repair {root}",
    )


def _damaged(what: str) -> EnvironmentError_:
    return EnvironmentError_(f"{what}: the repository is damaged", hint=DAMAGED)
