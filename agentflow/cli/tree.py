"""`agentflow diff` and `agentflow apply`: look at a run's branch, and take it into your own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options
from agentflow.errors import EnvironmentError_, UsageError

if TYPE_CHECKING:
    from agentflow.git.repository import Repository
    from agentflow.git.results import Result
    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord

_MOST_MENDS = 10


def diff(run: options.RunId = None) -> None:
    """Print a run's change as a patch.

    By default of this repository's latest run.
    """
    from agentflow.git.commits import diff_text
    from agentflow.report import term

    repository, found, result, _ = _with_branch(run)
    term.data(asyncio.run(diff_text(repository, found.base, result.commit, limit=sys.maxsize)), own=True)


def apply(
    run: options.RunId = None,
    onto: Annotated[
        str | None, typer.Option("--onto", metavar="BRANCH", help="Onto this branch, whichever the run began on.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take a run that goes on, or whose branch was moved, as it is now.")
    ] = False,
) -> None:
    """Take a run's branch into yours.

    Fast-forward where possible, else a merge commit; refused where it would touch what you have not committed.
    """
    from agentflow.git.applying import apply_commits, apply_onto
    from agentflow.report import term

    repository, found, result, unfinished = _with_branch(run)
    for note in (*result.notes, *_mended(found, result)):
        term.note(note)
    _ask_about(_doubts(repository, found, result, unfinished, onto, yes=yes), found)
    about = {"branch_name": found.branch, "base": found.base}
    if onto is None or onto == repository.branch:
        commit = asyncio.run(apply_commits(repository, result.commit, **about))
    else:
        commit = asyncio.run(apply_onto(repository, onto, result.commit, **about))
    term.note(f"{onto or repository.branch or 'HEAD'} is now at {commit[:12]}")


def _mended(found: RunRecord, result: Result) -> list[str]:
    if not result.mends:
        return []
    more = [f"  and {len(result.mends) - _MOST_MENDS} more"] if len(result.mends) > _MOST_MENDS else []
    listed = [f"  {line}" for line in result.mends[:_MOST_MENDS]]
    return [f"on {found.branch} since the run left it, and taken along:", *listed, *more]


@dataclass(frozen=True)
class _Doubt:
    """Why a person should look first, and the option that says that they have."""

    why: str
    option: str


def _doubts(
    repository: Repository, found: RunRecord, result: Result, unfinished: str, onto: str | None, *, yes: bool
) -> list[_Doubt]:
    begun_on, doubts = found.spec.get("begun_on"), list[_Doubt]()
    if unfinished and not yes:
        doubts.append(_Doubt(unfinished, "--yes"))
    if result.missing and not yes:
        names = ", ".join(result.missing)
        doubts.append(_Doubt(f"{found.branch} was moved since the run left it: the work of {names} is gone", "--yes"))
    if onto is None and begun_on and repository.branch not in {None, begun_on}:
        why = f"run {found.id} began on {begun_on}, and {repository.branch} is checked out"
        doubts.append(_Doubt(why, f"--onto {repository.branch}"))
    return doubts


def _ask_about(doubts: Sequence[_Doubt], found: RunRecord) -> None:
    """Raises EnvironmentError_ where nobody can be asked; ends the command where a person says no."""
    from agentflow.report import term
    from agentflow.report.streams import can_ask

    if not doubts:
        return
    why = "; ".join(doubt.why for doubt in doubts)
    if not can_ask():
        chosen = " ".join(dict.fromkeys(doubt.option for doubt in doubts))
        raise EnvironmentError_(why, hint=f"to apply it all the same: agentflow apply {found.id} {chosen}")
    term.note(why)
    if not typer.confirm("Apply it all the same?", err=True):
        raise typer.Exit(1)


def _unfinished(ledger: Ledger, found: RunRecord) -> str:
    """That the run goes on, or can; empty when it is over."""
    from agentflow.domain.attempts import RunStatus
    from agentflow.store.processes import present_status

    status = present_status(found)
    if status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
        return ""
    goes_on = "goes on" if status is RunStatus.RUNNING else f"is {status.value} and can be resumed"
    subtasks = ledger.subtasks(found.id)
    return (
        f"run {found.id} {goes_on}: {sum(s.commit is not None for s in subtasks)} of {len(subtasks)} are on its branch"
    )


def _with_branch(run: str | None) -> tuple[Repository, RunRecord, Result, str]:
    from agentflow.config.paths import here
    from agentflow.git.repository import open_repository
    from agentflow.git.results import result_of
    from agentflow.store.ledger import open_ledger

    repository = asyncio.run(open_repository(here()))
    with open_ledger() as ledger:
        latest = ledger.runs(repository.common_dir, limit=1)
        if run is None and not latest:
            raise UsageError("this repository has no run", hint='start one: agentflow run "…"')
        found = latest[0] if run is None else ledger.run(run)
        unfinished = _unfinished(ledger, found)
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
    result = asyncio.run(result_of(repository, found.id, found.branch, found.head))
    return repository, found, result, unfinished
