"""`agentflow diff` and `agentflow apply`: look at a run's branch, and take it into your own."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from agentflow.cli import options
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.git.repository import Repository
    from agentflow.store.records import RunRecord


def diff(run: options.RunId = None) -> None:
    """Print a run's change as a patch.

    By default of this repository's latest run.
    """
    from agentflow.git.commits import diff_text
    from agentflow.report import term

    repository, found = _with_branch(run)
    term.data(asyncio.run(diff_text(repository, found.base, str(found.head), limit=sys.maxsize)))


def apply(run: options.RunId = None) -> None:
    """Take a run's branch into yours.

    Fast-forward where possible, else a merge commit; refused where it would touch what you have not committed.
    """
    from agentflow.git.applying import apply_commits
    from agentflow.report import term

    repository, found = _with_branch(run)
    commit = asyncio.run(apply_commits(repository, str(found.head), branch_name=found.branch))
    term.note(f"{repository.branch or 'HEAD'} is now at {commit[:12]}")


def _with_branch(run: str | None) -> tuple[Repository, RunRecord]:
    from agentflow.config.paths import here
    from agentflow.git.repository import open_repository
    from agentflow.store.ledger import open_ledger

    repository = asyncio.run(open_repository(here()))
    with open_ledger() as ledger:
        latest = ledger.runs(repository.common_dir, limit=1)
        if run is None and not latest:
            raise UsageError("this repository has no run", hint='start one: agentflow run "…"')
        found = latest[0] if run is None else ledger.run(run)
    if found.common_dir != repository.common_dir:
        raise UsageError(f"run {found.id} belongs to {found.repo_root}", hint="go there, or use agentflow -C PATH")
    if found.is_review:
        raise UsageError(
            f"run {found.id} is a review: it has no branch", hint=f"see what it found: agentflow runs show {found.id}"
        )
    if found.head is None:
        raise UsageError(
            f"run {found.id} has put nothing on its branch", hint=f"see why: agentflow runs show {found.id}"
        )
    return repository, found
