"""`agentflow status`: where a run stands, in a few lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options

if TYPE_CHECKING:
    from agentflow.store.ledger import Ledger
    from agentflow.store.records import RunRecord

#: Seconds between two looks into the ledger.
POLL_S = 0.5


def status(
    run: options.RunId = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long at most for the run to end.")
    ] = 0,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit as the run did (5 when it stopped, 0 while it goes on).")
    ] = False,
    moved: options.Moved = False,
    json: options.Json = False,
) -> None:
    """Say where a run stands, what it has cost and what comes next.

    By default this repository's latest. Exits with 0 whatever became of the run, unless --exit-code is given.
    """
    from agentflow.cli.moved import take_in
    from agentflow.cli.runs import chosen
    from agentflow.report import closing, term
    from agentflow.report.status import status_text
    from agentflow.store.ledger import open_ledger

    with open_ledger() as ledger:
        take_in(ledger, run, moved=moved)
        found = _awaited(ledger, chosen(ledger, run).id, wait)
        told = closing.closing_document if json else status_text
        term.data(told(ledger, found))
    if exit_code:
        raise typer.Exit(_code(found))


def _awaited(ledger: Ledger, run_id: str, seconds: float) -> RunRecord:
    """The run as it is once no process works on it any more, or when the time is over."""
    from agentflow.store.processes import is_live

    deadline = time.monotonic() + seconds
    while is_live(found := ledger.run(run_id)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return found


def _code(run: RunRecord) -> int:
    """The contract's code. The ledger does not tell a limit (5) from an outage (6): both are resumable, both are 5."""
    from agentflow.domain.attempts import RunStatus
    from agentflow.store.processes import is_live, present_status

    codes = {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 1, RunStatus.STOPPED: 5}
    return 0 if is_live(run) else codes.get(present_status(run), 130)
