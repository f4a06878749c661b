"""`agentflow cost`: what was spent, in runs, reviews and a person's own sessions."""

from __future__ import annotations

from typing import Annotated

import typer

from agentflow.cli import options
from agentflow.domain.calls import Grouping

Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help="today, 7d or YYYY-MM-DD (default: today, and 7d).")
]


def cost(
    since: Since = None,
    by: Annotated[Grouping, typer.Option("--by", help="What to sum up by.")] = Grouping.MODEL,
    everywhere: Annotated[bool, typer.Option("--all", help="All repositories.")] = False,
    json: options.Json = False,
) -> None:
    """Sum up what was spent in this repository: runs, reviews and Claude Code sessions with agentflow's hooks.

    A call counts for the day it started on, in this machine's time zone. Unpriced calls are counted, never taken as $0.
    """
    from datetime import datetime

    from agentflow.cli.runs import this_repository
    from agentflow.report import documents, term
    from agentflow.report.cost import cost_document, cost_text, period, spendings, usual_periods
    from agentflow.store.ledger import open_ledger

    today = datetime.now().astimezone().date()
    periods = (period(since, today),) if since else usual_periods(today)
    repository = None if everywhere else this_repository()
    with open_ledger() as ledger:
        some = spendings(ledger, periods, by, repository)
    term.data(documents.as_text(cost_document(some, by, repository)) if json else cost_text(some, by))
