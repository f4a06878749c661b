"""`agentflow run`: a task becomes a tested branch."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from agentflow.cli import options
from agentflow.errors import UsageError


def run(
    goal: Annotated[
        str | None, typer.Argument(help="The task, in your own words; - reads it from stdin.", show_default=False)
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="FILE|RUN", help="Carry out this plan, or that of this run, instead."),
    ] = None,
    yes: options.Yes = False,
    review: Annotated[
        bool, typer.Option("--review", help="Review the whole diff at the end; confirmed findings go back once.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; no model is called.")] = False,
    budget: options.Budget = None,
    max_parallel: options.MaxParallel = None,
    check: options.Checks = None,
    setup: options.Setup = None,
    allow_broken_baseline: options.AllowBroken = False,
    mutate: options.Mutate = None,
    sandbox: options.Sandbox = None,
    network: options.Network = None,
    trust: options.Trust = False,
    detach: options.Detach = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Turn a task into a tested branch.

    It is planned, carried out in worktrees and proved; your own checkout stays as it is.
    """
    from agentflow.cli.detaching import detach as let_go
    from agentflow.cli.driving import carry_out, require_approval
    from agentflow.cli.offering import ask_for_trust, with_sandbox
    from agentflow.cli.plan import plan_named
    from agentflow.cli.typed import Typed, typed
    from agentflow.config.nesting import require_outermost
    from agentflow.config.paths import here
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.opening import new_run, open_workplace

    require_outermost(os.environ)
    told = typed(Typed(goal, budget, plan))
    ready = plan_named(told.plan) if told.plan else None
    task = told.task or (ready.summary if ready else None)
    if not task:
        raise UsageError("there is nothing to do", hint='agentflow run "refactor auth", or agentflow run --plan FILE')
    flags = options.settings(
        budget_usd=told.budget,
        max_parallel=max_parallel,
        checks=check,
        setup=setup,
        allow_broken_baseline=allow_broken_baseline or None,
        mutate=mutate,
        sandbox=sandbox,
        network=network,
    )
    workplace = asyncio.run(open_workplace(here(), flags))
    may_ask = not (yes or json or detach)
    workplace = with_sandbox(workplace, may_ask=may_ask)
    if dry_run:
        from agentflow.cli.dry_run import show

        show(workplace, task, ready, review=review, as_json=json)
        return
    require_approval(yes=yes, as_json=json or detach)
    ask_for_trust(workplace, may_ask=may_ask and not trust)
    with open_ledger() as ledger:
        run_id = asyncio.run(new_run(workplace, ledger, task, plan=ready, review=review, trust=trust))
        if detach:
            let_go(ledger, run_id, as_json=json)
            return
        carry_out(ledger, run_id, {}, yes=yes, quiet=quiet, as_json=json)
