"""Partial clones, which leave objects to a remote. agentflow fetches none: the repository says by which program."""

from __future__ import annotations

from agentflow.errors import EnvironmentError_
from agentflow.git.command import PARTIAL, git, own_settings
from agentflow.git.repository import Repository


async def require_present(repository: Repository, *commits: str) -> None:
    """Raise EnvironmentError_ where the clone is partial and what is in these commits is not all here."""
    remote = await _promisor(repository)
    if remote is None:
        return
    words = ("rev-list", "--objects", "--no-walk=unsorted", "--missing=print", "--end-of-options", *commits)
    listed = await git(repository.root, *words)
    missing = sum(line.startswith("?") for line in listed.lines)
    if missing:
        objects = "1 object" if missing == 1 else f"{missing} objects"
        where = " and ".join(commit[:7] for commit in commits)
        raise EnvironmentError_(
            f"this clone is partial: {objects} of {where} would have to be fetched from {remote or 'its remote'}",
            hint=f"{PARTIAL} {remote}".rstrip(),
        )


async def _promisor(repository: Repository) -> str | None:
    """The remote that has the rest; None where nothing is left to one."""
    for setting in (await own_settings(repository.root)).settings:
        if setting.name == "extensions.partialclone":
            return setting.value
        if setting.name.startswith("remote.") and setting.name.endswith(".promisor") and setting.value != "false":
            return setting.name.removeprefix("remote.").removesuffix(".promisor")
    return None
