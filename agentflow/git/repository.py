"""The user's repository: where it is, and who commits in it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.config.own_path import leave_out_repository
from agentflow.config.paths import repository_root
from agentflow.config.secrecy import learn_files
from agentflow.domain.secret_files import secret_pathspecs
from agentflow.errors import EnvironmentError_
from agentflow.git.command import git
from agentflow.git.detours import refuse_detours, refuse_moved, refuse_odd
from agentflow.git.discovery import git_dirs
from agentflow.git.unusable import not_usable, require_here, without_head

_NEEDED = (2, 38)
#: Whose commits they are where git knows nobody.
NOBODY = "agentflow@localhost"

#: What git is configured with here, by name: the last value of each.
Config = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Repository:
    """The checkout agentflow was started in.

    `root` is its top folder, `common_dir` the git directory all its worktrees share, `head` the commit checked out,
    `branch` the branch checked out, None when HEAD is detached.
    """

    root: Path
    common_dir: Path
    head: str
    branch: str | None


async def open_repository(path: Path) -> Repository:
    """The repository around `path`, which may be a subfolder, a linked worktree or a submodule.

    What stands in its files of secrets is secret from then on, see `config/secrecy.py`, and no program of agentflow's
    is looked for in it, see `config/own_path.py`.
    Raises EnvironmentError_ with a hint when there is none, it has no working tree or no commit, it is damaged, GIT_DIR
    and the like name another one, it leads out of itself or to something endless, or git is too old.
    """
    leave_out_repository(path)
    await require_version(path)
    if found := git_dirs(path, {}):
        await asyncio.to_thread(refuse_odd, repository_root(path) or path, *found)
    await _require_work_tree(path)
    await require_here(path)
    root = Path((await git(path, "rev-parse", "--show-toplevel")).line)
    common_dir = (await git(path, "rev-parse", "--path-format=absolute", "--git-common-dir")).line
    refuse_moved(root, Path(common_dir))
    await asyncio.to_thread(refuse_detours, Path(common_dir))
    head = await git(root, "rev-parse", "--quiet", "--verify", "HEAD^{commit}", check=False)
    if not head.ok:
        raise await without_head(root)
    branch = await git(root, "symbolic-ref", "--quiet", "HEAD", check=False)
    name = branch.line.removeprefix("refs/heads/") if branch.ok else None
    tracked = (await git(root, "ls-files", "-z", "--", *secret_pathspecs())).fields
    await asyncio.to_thread(lambda: learn_files(root, [*os.listdir(root), *tracked]))  # noqa: PTH208  names alone
    return Repository(root, Path(common_dir), head.line, name)


async def require_version(path: Path) -> str:
    """Git's own word for its version. Raises EnvironmentError_ when git is missing, or too old."""
    answer = (await git(path, "--version")).line
    found = re.search(r"(\d+)\.(\d+)", answer)
    if not found or (int(found[1]), int(found[2])) < _NEEDED:
        raise EnvironmentError_(
            f"{answer} is too old: `git merge-tree --write-tree` is needed", hint="git 2.38 or newer"
        )
    return answer.removeprefix("git version ")


async def _require_work_tree(path: Path) -> None:
    where = await git(path, "rev-parse", "--is-bare-repository", "--is-inside-work-tree", check=False)
    if not where.ok:
        raise await not_usable(path, where)
    bare, inside = where.stdout.split()
    if inside != "true":
        what = "a bare repository" if bare == "true" else "inside a git directory"
        raise EnvironmentError_(f"{path} is {what}: no files to work on", hint="run agentflow in a clone or worktree")


async def git_dir(repository: Repository) -> Path:
    """The git directory of the user's own checkout, where its index and an unfinished merge live."""
    return Path((await git(repository.root, "rev-parse", "--absolute-git-dir")).line)


async def config_of(repository: Repository) -> Config:
    """All that git is configured with here, the user's own settings among it."""
    listed = await git(repository.root, "config", "--list", "-z")
    return {name: value for name, _, value in (entry.partition("\n") for entry in listed.fields)}


def author(configured: Config) -> dict[str, str]:
    """The environment that makes commits the user's, or agentflow's own where no identity is configured."""
    return _identity("author", configured) | _identity("committer", configured)


def _identity(role: str, configured: Config) -> dict[str, str]:
    names = {word: f"GIT_{role}_{word}".upper() for word in ("name", "email")}
    found = {
        variable: os.environ.get(variable) or configured.get(f"{role}.{word}") or configured.get(f"user.{word}")
        for word, variable in names.items()
    }
    complete = {variable: value for variable, value in found.items() if value}
    return complete if len(complete) == 2 else {names["name"]: "agentflow", names["email"]: NOBODY}
