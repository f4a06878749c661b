"""`agentflow watch`: the live view of a run, from another terminal."""

from __future__ import annotations

import asyncio

from agentflow.cli import options


def watch(run: options.RunId = None) -> None:
    """Follow a run until it ends.

    By default this repository's latest. Leaving with Ctrl-C does not stop it.
    """
    from agentflow.cli.runs import chosen
    from agentflow.domain.attempts import RunStatus
    from agentflow.report import closing, term
    from agentflow.report.follow import follow, renderer
    from agentflow.store.ledger import open_ledger
    from agentflow.store.processes import is_live, present_status

    with open_ledger() as ledger:
        run_id = chosen(ledger, run).id
        asyncio.run(follow(ledger, run_id, renderer(run_id), lambda: not is_live(ledger.run(run_id))))
        if present_status(ledger.run(run_id)) is RunStatus.INTERRUPTED:
            term.note(f"interrupted; resume with: agentflow resume {run_id}")
        else:
            term.note(closing.closing_text(ledger, ledger.run(run_id)))
