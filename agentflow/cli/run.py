"""`agentflow run`: a task becomes a tested branch."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agentflow.cli import options
from agentflow.errors import UsageError


def run(
    goal: Annotated[str | None, typer.Argument(help="The task, in your own words.", show_default=False)] = None,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Carry out this plan instead.")] = None,
    yes: options.Yes = False,
    review: Annotated[
        bool, typer.Option("--review", help="Review the whole diff at the end; confirmed findings go back once.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; no model is called.")] = False,
    budget: options.Budget = None,
    max_parallel: options.MaxParallel = None,
    check: options.Checks = None,
    setup: options.Setup = None,
    sandbox: options.Sandbox = None,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Turn a task into a tested branch.

    It is planned, carried out in worktrees and proved; your own checkout stays as it is.
    """
    from agentflow.cli.driving import carry_out, require_approval
    from agentflow.config.plans import load_plan
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.opening import new_run, open_workplace

    ready = load_plan(plan) if plan else None
    task = goal or (ready.summary if ready else None)
    if not task:
        raise UsageError("there is nothing to do", hint='agentflow run "refactor auth", or agentflow run --plan FILE')
    flags = options.settings(budget_usd=budget, max_parallel=max_parallel, checks=check, setup=setup, sandbox=sandbox)
    workplace = asyncio.run(open_workplace(Path.cwd(), flags))
    if dry_run:
        from agentflow.cli.dry_run import show

        show(workplace, task, ready, review=review, as_json=json)
        return
    require_approval(yes=yes, as_json=json)
    with open_ledger() as ledger:
        run_id = asyncio.run(new_run(workplace, ledger, task, plan=ready, review=review))
        carry_out(ledger, run_id, {}, yes=yes, quiet=quiet, as_json=json)
