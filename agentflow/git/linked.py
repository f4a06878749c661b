"""Git inside a worktree that an agent has had its hands on.

Neither the worktree's `.git` file nor its idea of the shared git directory is believed: both are given to git, so an
agent cannot lead it to a repository, and a configuration, of its own making.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git, settings
from agentflow.git.file_system import AS_COMMITTED, told_by
from agentflow.git.process import GitOutput
from agentflow.git.repository import Repository

_NONE: Mapping[str, str | None] = MappingProxyType({})
_HEAD_RECORD = "agentflow-head"
_INCLUDED_RECORD = "agentflow-included"
_ENVIRONMENT_RECORD = "agentflow-environment"


def entries(repository: Repository) -> list[Path]:
    """The shared git directory's entry of every linked worktree. Others may delete theirs at any moment."""
    try:
        return sorted((repository.common_dir / "worktrees").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def worktree_of(entry: Path) -> Path | None:
    """Where an entry's worktree is, or was; None for a half-made or vanished entry."""
    try:
        target = (entry / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return (entry / target).parent if target else None


def leads_to(entry: Path, worktree: Path) -> bool:
    return worktree_of(entry) == worktree


def entry_of(repository: Repository, worktree: Path) -> Path:
    """The entry of this worktree. Raises EnvironmentError_ when it is gone or was given settings of its own.

    Git names it after the worktree's folder; only where another has taken that name are all entries looked through.
    """
    place = worktree.resolve()
    named = repository.common_dir / "worktrees" / place.name
    found = (entry for entry in chain([named], entries(repository)) if leads_to(entry, place))
    entry = next(found, None)
    if entry is None:
        raise EnvironmentError_(
            f"{worktree} is not a worktree of {repository.root}",
            hint="its entry in the git directory is gone; go on with: agentflow resume",
        )
    own_settings = entry / "config.worktree"
    if own_settings.exists() and own_settings.stat().st_size == 0:
        own_settings.unlink()  # Claude Code's sandbox leaves an empty one when it is stopped
    if own_settings.exists():
        raise tampering(worktree, "was given a git configuration of its own")
    return entry


def tampering(worktree: Path, what: str) -> EnvironmentError_:
    return EnvironmentError_(f"worktree {worktree} {what}", hint="nothing was committed; look at the agent's session")


async def git_in(
    repository: Repository,
    worktree: Path,
    *args: str,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    config: Mapping[str, str | None] = _NONE,
) -> GitOutput:
    """Run git in a linked worktree of the repository, always on its full tree and on files as they are committed.

    `config`: settings that go before agentflow's own for worktrees; None leaves one to the user's configuration.
    """
    place = _place(repository, worktree, config)
    return await git(worktree, *args, check=check, env={**place, **(env or {})}, stdin=stdin)


def _place(repository: Repository, worktree: Path, config: Mapping[str, str | None]) -> dict[str, str]:
    place = worktree.resolve()
    wanted = {**AS_COMMITTED, **told_by(place.parent), **config}
    return {
        "GIT_DIR": str(entry_of(repository, worktree)),
        "GIT_COMMON_DIR": str(repository.common_dir),
        "GIT_WORK_TREE": str(place),
        **settings({name: value for name, value in wanted.items() if value is not None}),
    }


def record_head(entry: Path, commit: str) -> None:
    """Remember where agentflow itself left the worktree's HEAD."""
    (entry / _HEAD_RECORD).write_text(commit, encoding="utf-8")


def recorded_head(entry: Path) -> str:
    record = entry / _HEAD_RECORD
    return record.read_text(encoding="utf-8").strip() if record.exists() else ""


def record_included(entry: Path, names: tuple[str, ...]) -> None:
    """Remember what was put there for the work and is no part of it: no commit may hold it. Folders end in a slash."""
    (entry / _INCLUDED_RECORD).write_text("\0".join(names), encoding="utf-8", errors="surrogateescape")


def recorded_included(entry: Path) -> frozenset[str]:
    record = entry / _INCLUDED_RECORD
    names = record.read_text(encoding="utf-8", errors="surrogateescape").split("\0") if record.exists() else []
    return frozenset(filter(None, names))


def is_included(name: str, included: Collection[str]) -> bool:
    """Whether a file is one of these, or lies in a folder that is."""
    return name in included or any(f"{folder}/" in included for folder in PurePosixPath(name).parents)


def record_environment(entry: Path, place: str) -> None:
    """Remember which environment of agentflow's own a worktree was set up with; empty for none."""
    (entry / _ENVIRONMENT_RECORD).write_text(place, encoding="utf-8")


def recorded_environment(entry: Path) -> str:
    record = entry / _ENVIRONMENT_RECORD
    return record.read_text(encoding="utf-8") if record.exists() else ""
