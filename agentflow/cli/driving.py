"""What `run`, `plan`, `resume` and `demo` share: carry a run as far as it goes, show it, and say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn

import typer

from agentflow.errors import EnvironmentError_

if TYPE_CHECKING:
    from agentflow.store.ledger import Ledger
    from agentflow.workflows.context import RunContext
    from agentflow.workflows.driver import Approve, Ending, Watch

REVIEW_FOLLOWS = (
    "then a review of the whole diff; what is grave and confirmed is mended once (not in the expected cost)"
)
APPROVAL_HINT = 'approve in advance with --yes, or look first: agentflow plan "…" -o plan.yaml'


def carry_out(
    ledger: Ledger, run_id: str, changed: Mapping[str, object], *, yes: bool, quiet: bool, as_json: bool
) -> NoReturn:
    """Plan, ask and execute, from wherever the run stands; then exit with the contract's code."""
    from agentflow.cli.offering import with_offer

    require_approval(yes=yes, as_json=as_json)

    def carry(settings: Mapping[str, object]) -> Ending:
        return drive(ledger, run_id, settings, yes=yes, quiet=quiet)

    may_ask = not (yes or as_json)
    ending = with_offer(carry, changed, ledger.run(run_id).repo_root, may_ask=may_ask)
    report(ledger, run_id, ending, as_json=as_json)


def drive(ledger: Ledger, run_id: str, changed: Mapping[str, object], *, yes: bool, quiet: bool) -> Ending:
    """Plan, ask and execute, shown on stderr. Says how it ended."""
    from agentflow.workflows.driver import plan_and_execute
    from agentflow.workflows.opening import open_run

    context = asyncio.run(open_run(ledger, run_id, changed))
    return plan_and_execute(context, watcher(ledger, run_id, quiet=quiet), _approver(yes=yes))


def require_approval(*, yes: bool, as_json: bool) -> None:
    """Without a terminal nobody can be asked, so say it before anything is spent. Raises EnvironmentError_."""
    from agentflow.report.streams import can_ask

    if not yes and (as_json or not can_ask()):
        raise EnvironmentError_("the plan needs approval and there is no terminal to ask on", hint=APPROVAL_HINT)


def watcher(ledger: Ledger, run_id: str, *, quiet: bool) -> Watch:
    """Follows the run on stderr: a live tree on a terminal, a line per event elsewhere."""
    from agentflow.report.follow import follow, renderer

    shown = renderer(run_id, quiet=quiet)

    def watch(over: Callable[[], bool]) -> None:
        asyncio.run(follow(ledger, run_id, shown, over))

    return watch


def report(ledger: Ledger, run_id: str, ending: Ending, *, as_json: bool) -> NoReturn:
    """The closing text on stderr, or the one document on stdout; exits with the run's code."""
    from agentflow.report import documents, summary, term

    try:
        if as_json:
            term.data(documents.as_text(documents.run_document(ledger, run_id)))
    finally:
        summary.show(ledger, run_id)
        if ending.error is not None:
            term.error(ending.error.message, ending.error.hint)
    raise typer.Exit(ending.exit_code)


def _approver(*, yes: bool) -> Approve:
    from agentflow.report import term
    from agentflow.report.plan_text import render_plan
    from agentflow.workflows.pricing import history_of, plan_estimate

    def approve(context: RunContext) -> bool:
        plan, ladders = context.plan, context.ladders
        estimate = plan_estimate(plan, ladders, context.settings, history_of(context.ledger))
        starts = {subtask: rungs[0] for subtask, rungs in ladders.items()}
        term.note(f"\n{render_plan(plan, starts, estimate)}\n")
        if context.ledger.run(context.run_id).spec.get("review_at_end"):
            term.note(f"{REVIEW_FOLLOWS}\n")
        if yes:
            return True
        try:
            return typer.confirm("Carry out this plan?", err=True)
        except typer.Abort:
            return False

    return approve
