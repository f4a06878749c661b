"""`agentflow plan`: only the plan, to read, edit and run later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options

if TYPE_CHECKING:
    from agentflow.store.ledger import Ledger

Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan there.")]


def plan(
    goal: Annotated[str, typer.Argument(help="The task, in your own words.", show_default=False)],
    output: Output = None,
    budget: options.Budget = None,
    check: options.Checks = None,
    setup: options.Setup = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Plan a task, and stop there.

    The checks are run, the planner is asked, and the plan is printed as YAML, to read, edit and run later.
    """
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.opening import new_run, open_workplace

    flags = options.settings(budget_usd=budget, checks=check, setup=setup)
    workplace = asyncio.run(open_workplace(Path.cwd(), flags))
    with open_ledger() as ledger:
        run_id = asyncio.run(new_run(workplace, ledger, goal, workflow="plan"))
        carry_out_plan(ledger, run_id, {}, output=output, quiet=quiet, as_json=json)


def carry_out_plan(
    ledger: Ledger, run_id: str, changed: dict[str, object], *, output: Path | None, quiet: bool, as_json: bool
) -> None:
    """Plan, from wherever the run stands, and print the plan."""
    from agentflow.cli.driving import report, watcher
    from agentflow.config.plans import dump_plan
    from agentflow.report import documents, term
    from agentflow.workflows.driver import plan_only
    from agentflow.workflows.opening import open_run

    context = asyncio.run(open_run(ledger, run_id, changed))
    ending = plan_only(context, watcher(ledger, run_id, quiet=quiet))
    if ending.exit_code:
        report(ledger, run_id, ending, as_json=as_json)
    text = dump_plan(context.plan)
    if output is not None:
        output.write_text(text, encoding="utf-8")
        term.note(f"{output}: carry it out with agentflow run --plan {output}")
    if as_json:
        term.data(documents.as_text(documents.plan_document(ledger, run_id)))
    elif output is None:
        term.data(text)
