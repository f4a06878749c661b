"""`agentflow plan`: only the plan, to read, edit and run later."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.domain.plans import Plan
    from agentflow.store.ledger import Ledger
    from agentflow.workflows.driver import Ending

Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan there.")]


def plan(
    goal: Annotated[
        str, typer.Argument(help="The task, in your own words; - reads it from stdin.", show_default=False)
    ],
    output: Output = None,
    budget: options.Budget = None,
    check: options.Checks = None,
    setup: options.Setup = None,
    allow_broken_baseline: options.AllowBroken = False,
    sandbox: options.Sandbox = None,
    network: options.Network = None,
    trust: options.Trust = False,
    detach: options.Detach = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Plan a task, and stop there.

    The checks are run, the planner is asked, and the plan is printed as YAML, to read, edit and run later.
    """
    from agentflow.cli.detaching import detach as let_go
    from agentflow.cli.offering import ask_for_trust, with_sandbox
    from agentflow.cli.typed import Typed, typed
    from agentflow.config.nesting import require_outermost
    from agentflow.config.paths import here
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.opening import new_run, open_workplace

    require_outermost(os.environ)
    if detach and output is not None:
        raise UsageError("--detach writes no file", hint="carry it out by its run: agentflow run --plan RUN")
    told = typed(Typed(goal, budget))
    if not told.task:
        raise UsageError("there is nothing to plan", hint='agentflow plan "refactor auth"')
    flags = options.settings(
        budget_usd=told.budget,
        checks=check,
        setup=setup,
        allow_broken_baseline=allow_broken_baseline or None,
        sandbox=sandbox,
        network=network,
    )
    workplace = asyncio.run(open_workplace(here(), flags))
    may_ask = not (json or detach)
    workplace = with_sandbox(workplace, may_ask=may_ask)
    ask_for_trust(workplace, may_ask=may_ask and not trust)
    with open_ledger() as ledger:
        run_id = asyncio.run(new_run(workplace, ledger, told.task, workflow="plan", trust=trust))
        if detach:
            let_go(ledger, run_id, as_json=json)
            return
        carry_out_plan(ledger, run_id, {}, output=output, quiet=quiet, as_json=json)


def carry_out_plan(
    ledger: Ledger, run_id: str, changed: dict[str, object], *, output: Path | None, quiet: bool, as_json: bool
) -> None:
    """Plan, from wherever the run stands, and print the plan."""
    from agentflow.cli.driving import report, watcher
    from agentflow.cli.offering import with_offer
    from agentflow.config.plans import dump_plan
    from agentflow.domain.codec import decode
    from agentflow.domain.plans import Plan
    from agentflow.report import documents, term
    from agentflow.workflows.driver import plan_only
    from agentflow.workflows.opening import open_run

    def carry(settings: Mapping[str, object]) -> Ending:
        return plan_only(asyncio.run(open_run(ledger, run_id, settings)), watcher(ledger, run_id, quiet=quiet))

    ending = with_offer(carry, changed, ledger.run(run_id).repo_root, may_ask=not as_json)
    if ending.exit_code:
        report(ledger, run_id, ending, as_json=as_json)
    text = dump_plan(decode(Plan, ledger.run(run_id).plan))
    if output is not None:
        output.write_text(text, encoding="utf-8")
        term.note(f"{output}: carry it out with agentflow run --plan {output}")
    if as_json:
        term.data(documents.as_text(documents.plan_document(ledger, run_id)))
    elif output is None:
        term.data(text)


def plan_named(name: str) -> Plan:
    """The plan in the file of this name, or else the one that this run made.

    Raises UsageError when there is neither, or the plan is wrong.
    """
    from agentflow.config.plans import load_plan
    from agentflow.domain.codec import decode
    from agentflow.domain.plans import Plan
    from agentflow.store.ledger import open_ledger

    file = Path(name)
    if file.exists() or file.suffix or len(file.parts) > 1:
        return load_plan(file)
    with open_ledger() as ledger:
        run = ledger.run(name)
    if run.plan is None:
        raise UsageError(f"run {run.id} has no plan", hint=f"go on with: agentflow resume {run.id}")
    return decode(Plan, run.plan)
