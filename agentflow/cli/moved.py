"""Repositories that were moved: their runs are found again by the commit they began at, after one question."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.git.repository import Repository
    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord


def take_in(ledger: Ledger, run: str | None, *, moved: bool) -> None:
    """Where the named run, or runs that began at commits of this repository, have lost their folder, take them in here.

    Without a run named it is asked only in a repository that has none of its own. `moved` answers the question.
    Raises UsageError where there is nobody to ask.
    """
    from agentflow.config.paths import here
    from agentflow.git.repository import open_repository
    from agentflow.report import term

    if run is not None and ledger.run(run).common_dir.exists():
        return
    repository = asyncio.run(open_repository(here()))
    if run is None and ledger.runs(repository.common_dir, limit=1):
        return
    found = next(_lost(ledger, run, repository), None)
    if found is None or not (moved or _agreed(found, repository)):
        return
    asyncio.run(_repair(repository))
    ledger.move_runs(found.common_dir, repository.root, repository.common_dir)
    term.note(f"the runs of {found.repo_root} belong to {repository.root} now")


def _lost(ledger: Ledger, run: str | None, repository: Repository) -> Iterator[RunRecord]:
    """Runs whose repository is not where it was and whose first commit is in this one."""
    from agentflow.git.command import git

    known = ledger.newest_by_repository() if run is None else [ledger.run(run)]
    for record in known:
        if not record.base or record.common_dir.exists():
            continue
        asked = git(repository.root, "cat-file", "-e", f"{record.base}^{{commit}}", check=False)
        if asyncio.run(asked).ok:
            yield record


def _agreed(found: RunRecord, repository: Repository) -> bool:
    import typer

    from agentflow.report import term
    from agentflow.report.streams import can_ask

    told = f"run {found.id} began in {found.repo_root}, which is gone; {repository.root} holds the same commits"
    if not can_ask():
        raise UsageError(told, hint="if the repository was moved here, say so: --moved")
    return typer.confirm(term.safe(f"{told}. Was the repository moved here?"), err=True)


async def _repair(repository: Repository) -> None:
    """Worktrees outside the folder still point to where it was."""
    from agentflow.git.command import git
    from agentflow.git.worktrees import list_worktrees

    paths = [str(path) for path in await list_worktrees(repository) if path.exists()]
    await git(repository.root, "worktree", "repair", *paths, check=False)
