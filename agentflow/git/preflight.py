"""Before a run: what must be refused, and what people should know."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from agentflow.config.reading import read_file
from agentflow.errors import EnvironmentError_
from agentflow.git.command import git, own_settings
from agentflow.git.partial import require_present
from agentflow.git.repository import NOBODY, Config, Repository, author, config_of, git_dir
from agentflow.git.submodules import Submodule, find_submodules
from agentflow.git.unusable import is_same

#: Attributes by which git writes other bytes into a checkout than a commit holds, or the other way.
_CONVERTING = re.compile(r"^[^#\n]*\s[-!]?(text|eol|crlf|ident|filter|working-tree-encoding)\b", re.MULTILINE)
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


async def preflight(repository: Repository, branch: str) -> tuple[str, ...]:
    """Notices for people about the state a run to `branch` starts from.

    Raises EnvironmentError_ with a hint when another branch stands where `branch` must go, the repository itself
    configures a filter program, its files need git-lfs and that is missing, or its objects are not all here. A held
    index.lock in the user's checkout does not matter to a run.
    """
    await _require_free_name(repository, branch)
    await refuse_filters(repository)
    await _require_lfs(repository)
    await require_present(repository, repository.head)
    return tuple([notice async for notice in _notices(repository)])


async def _require_free_name(repository: Repository, branch: str) -> None:
    """A branch `a` and a branch `a/b` cannot both exist, whichever came first."""
    above = [str(parent) for parent in PurePosixPath(branch).parents if parent.name]
    patterns = [f"refs/heads/{name}" for name in above] + [f"refs/heads/{branch}/"]
    listed = await git(repository.root, "for-each-ref", "--format=%(refname:lstrip=2)", *patterns)
    blocking = [name for name in listed.lines if name in above or name.startswith(f"{branch}/")]
    if blocking:
        name = blocking[0]
        free = f"{name.replace('/', '-')}-branch"
        raise EnvironmentError_(
            f"the branch {name!r} is in the way of {branch!r}", hint=f"rename it: git branch -m {name} {free}"
        )


async def refuse_filters(repository: Repository) -> None:
    """Raise EnvironmentError_ when the repository or a submodule in use configures a filter program of its own.

    Filters run on every checkout and commit. Those of the user's own configuration are the user's choice; in the
    repository's only git-lfs is let through, without its extensions. One in a file that is included under a condition
    counts whether or not that is met.
    """
    submodules = await find_submodules(repository.root, repository.head)
    for root in (repository.root, *[s.source for s in submodules if await s.is_available()]):
        for file, name, value in (
            (one.file, one.name, one.value) for one in (await own_settings(root)).foreign_filters
        ):
            raise EnvironmentError_(
                f"{file} configures the program {name} = {value!r}, which git would run on agents' files",
                hint=f"if you trust it, move it to your own settings: git config --global {name} ... "
                f"&& git config --file {file} --unset {name}",
            )


async def _require_lfs(repository: Repository) -> None:
    """Git LFS set up but not installed fails every checkout; without any set-up, its files are pointers to all."""
    if not await _lfs_files(repository) or await _has_lfs(repository):
        return
    required = await git(repository.root, "config", "--type=bool", "--get", "filter.lfs.required", check=False)
    if required.line == "true":
        raise EnvironmentError_(
            "the repository keeps files in Git LFS, and git-lfs is not on PATH: git cannot check them out",
            hint="install git-lfs (https://git-lfs.com), then: git lfs pull",
        )


async def _lfs_files(repository: Repository) -> int:
    listed = await git(repository.root, "ls-files", "-z", "--", ":(top,attr:filter=lfs)", check=False)
    return len(listed.fields)


async def _has_lfs(repository: Repository) -> bool:
    """Looked for, not asked: where it is missing, `git lfs` would be an alias that the repository may define."""
    own = (await git(repository.root, "--exec-path")).line
    return shutil.which("git-lfs") is not None or shutil.which("git-lfs", path=own) is not None


async def unfinished(repository: Repository) -> str | None:
    """What the user has begun in their checkout and not finished: "merge", "rebase" and so on."""
    folder = await git_dir(repository)
    return next((what for name, what in _UNFINISHED.items() if (folder / name).exists()), None)


async def _notices(repository: Repository) -> AsyncIterator[str]:
    start = repository.head[:7]
    if repository.branch is None:
        yield f"HEAD is detached at {start}; `agentflow apply` will need a branch"
    if begun := await unfinished(repository):
        yield f"a {begun} is in progress in your checkout; it is not part of this run, which starts from {start}"
    if changed := await _uncommitted(repository):
        yield f"{changed} not part of this run; it starts from {start}"
    for submodule in await find_submodules(repository.root, repository.head):
        yield await _about(submodule)
    if (files := await _lfs_files(repository)) and not await _smudges(repository):
        noun = "file that Git LFS keeps is a pointer" if files == 1 else "files that Git LFS keeps are pointers"
        yield f"{files} {noun} in this run; to have what they stand for: git lfs install && git lfs pull"
    if await _signs(repository):
        yield "agentflow does not sign its commits, though commit.gpgSign is set; sign what you take over"
    for notice in _of_settings(await config_of(repository)):
        yield notice
    if (index := os.environ.get("GIT_INDEX_FILE")) and not await _is_own(repository, index):
        yield f"what is staged in GIT_INDEX_FILE ({index}) is not part of this run"
    if await asyncio.to_thread(_converts_here_alone, repository.common_dir / "info" / "attributes"):
        yield "info/attributes in the git directory converts files here and in no other clone"


def _of_settings(configured: Config) -> Iterator[str]:
    if configured.get("core.sparsecheckout") == "true":
        yield "your checkout is sparse, and the run's worktrees are not: each holds every file of the commit"
    if NOBODY in author(configured).values():
        yield f"git knows no user.name and user.email here, so the run's commits are by agentflow <{NOBODY}>"


async def _is_own(repository: Repository, index: str) -> bool:
    return is_same(Path(repository.root, index), await git_dir(repository) / "index")


async def _signs(repository: Repository) -> bool:
    """What the user has configured, not what agentflow tells its own git."""
    words = ("config", "-z", "--show-scope", "--type=bool", "--get-all", "commit.gpgSign")
    fields = (await git(repository.root, *words, check=False)).fields
    chosen = [value for scope, value in zip(fields[::2], fields[1::2], strict=False) if scope != "command"]
    return chosen[-1:] == ["true"]


async def _smudges(repository: Repository) -> bool:
    """Whether checking out brings the contents that LFS pointers stand for."""
    configured = await git(repository.root, "config", "--get-regexp", r"^filter\.lfs\.(smudge|process)$", check=False)
    return configured.ok and "--skip" not in configured.stdout and await _has_lfs(repository)


def _converts_here_alone(attributes: Path) -> bool:
    with suppress(OSError):  # git does not read one either that is larger or no file
        return _CONVERTING.search(read_file(attributes).decode("utf-8", "replace")) is not None
    return False


async def _uncommitted(repository: Repository) -> str:
    answer = await git(
        repository.root,
        "status",
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=all",
    )
    untracked = sum(entry.startswith("??") for entry in answer.fields)
    counts = {"uncommitted change": len(answer.fields) - untracked, "untracked file": untracked}
    parts = [f"{n} {noun}{'s' if n > 1 else ''}" for noun, n in counts.items() if n]
    return f"{' and '.join(parts)} {'is' if sum(counts.values()) == 1 else 'are'}" if parts else ""


async def _about(submodule: Submodule) -> str:
    if await submodule.is_available():
        return f"submodule {submodule.name!r} is there for reading; changes inside it cannot be part of this run"
    return f"submodule {submodule.name!r} is empty in this run; to have its files: git submodule update --init"
