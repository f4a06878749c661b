"""`agentflow runs`: what the ledger knows about past and present runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options
from agentflow.errors import EnvironmentError_, StoreError, UsageError

if TYPE_CHECKING:
    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord

app = typer.Typer(help="List, show and remove runs.", no_args_is_help=True)


@app.command("list")
def list_runs(
    everywhere: Annotated[bool, typer.Option("--all", help="Runs of all repositories.")] = False,
    moved: options.Moved = False,
    json: options.Json = False,
) -> None:
    """List this repository's latest 50 runs, newest first."""
    from agentflow.cli.moved import take_in
    from agentflow.report import documents, term
    from agentflow.report.run_list import run_list
    from agentflow.store.ledger import open_ledger

    with open_ledger() as ledger:
        if not everywhere:
            take_in(ledger, None, moved=moved)
        common_dir = None if everywhere else this_repository()
        document = documents.runs_document(ledger, ledger.runs(common_dir))
    if json:
        term.data(documents.as_text(document))
    elif document["runs"]:
        term.data(run_list(document["runs"], repositories=everywhere))
    else:
        term.note('no runs yet; start one: agentflow run "…"')


@app.command("show")
def show_run(run: options.RunId = None, moved: options.Moved = False, json: options.Json = False) -> None:
    """Show a run's verdict, evidence and bill (default: this repository's latest)."""
    from agentflow.cli.moved import take_in
    from agentflow.report import closing, term
    from agentflow.store.ledger import open_ledger

    with open_ledger() as ledger:
        if run is None:
            take_in(ledger, run, moved=moved)
        found = chosen(ledger, run)
        told = closing.closing_document if json else closing.closing_text
        term.data(told(ledger, found))


@app.command("rm")
def remove_runs(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run ids or beginnings.")],
    refs: Annotated[bool, typer.Option("--refs", help="The commits of their attempts too.")] = False,
) -> None:
    """Forget runs: their ledger rows, folders and worktrees. Branches stay; commits do unless --refs is given.

    What a review froze goes with it: those commits hold nobody's work.
    """
    from agentflow.report import term
    from agentflow.store.ledger import open_ledger

    with open_ledger() as ledger:
        found = {record.id: record for record in (ledger.run(run) for run in runs)}
        for record in found.values():
            _require_ended(record)
        for record in found.values():
            kept = asyncio.run(_clear_repository(record, refs=refs))
            _remove(ledger, record)
            term.note(f"removed run {record.id}" + (f"; kept in {record.repo_root}: {', '.join(kept)}" if kept else ""))


def chosen(ledger: Ledger, run: str | None) -> RunRecord:
    """The named run, or this repository's latest. Raises UsageError when there is none."""
    if run is not None:
        return ledger.run(run)
    latest = ledger.runs(this_repository(), limit=1)
    if not latest:
        raise UsageError("this repository has no run yet", hint="see those of others: agentflow runs list --all")
    return latest[0]


def this_repository() -> Path:
    """What the current folder's runs are listed under. Raises EnvironmentError_ outside a repository."""
    from agentflow.config.paths import here
    from agentflow.git.repository import open_repository

    return asyncio.run(open_repository(here())).common_dir


def _require_ended(record: RunRecord) -> None:
    from agentflow.store.processes import is_live

    if is_live(record):
        raise EnvironmentError_(
            f"run {record.id} is active (process {record.pid})",
            hint="stop it with Ctrl-C where it runs, then try again",
        )


async def _clear_repository(record: RunRecord, *, refs: bool) -> list[str]:
    """Take the run's worktrees, and with `refs` its attempts' commits, out of its repository. Gives what is kept.

    A review's one commit is a copy of what was reviewed: it always goes.
    """
    from agentflow.config.paths import worktrees_dir
    from agentflow.git.commits import delete_refs, ref_value, refs_below
    from agentflow.git.refs import clear_scratch
    from agentflow.git.repository import open_repository
    from agentflow.git.run_refs import refs_of
    from agentflow.git.worktrees import remove_worktrees

    try:
        repository = await open_repository(record.repo_root)
    except EnvironmentError_:
        return []  # it is gone, and everything in it
    await remove_worktrees(repository, worktrees_dir(record.id))
    below = refs_of(record.id)
    await clear_scratch(repository, record.id)
    attempts = await refs_below(repository, below)
    forgotten = refs or record.is_review
    if forgotten and attempts:
        await delete_refs(repository, attempts)
    branch = await ref_value(repository, f"refs/heads/{record.branch}") if record.branch else None
    return [
        *([f"branch {record.branch}"] if branch else []),
        *([f"the commits of its attempts, {len(attempts)} under {below}"] if attempts and not forgotten else []),
    ]


def _remove(ledger: Ledger, record: RunRecord) -> None:
    """The folders first: if that fails, the run is still listed and can be removed again."""
    import shutil

    from agentflow.config.paths import run_dir, worktrees_dir

    for folder in (run_dir(record.id), worktrees_dir(record.id)):
        try:
            if folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            raise StoreError(
                f"cannot remove {folder}: {error.strerror}", hint="remove it by hand, then try again"
            ) from error
    ledger.delete_run(record.id)
