"""`agentflow review --fix`: confirmed findings become a plan, and the plan a run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentflow.errors import AgentflowError, LimitReached, UsageError

if TYPE_CHECKING:
    from agentflow.cli.review_report import Telling
    from agentflow.domain.plans import Plan
    from agentflow.report.reviews.loading import Review
    from agentflow.store.ledger import Ledger
    from agentflow.workflows.driver import Ending
    from agentflow.workflows.opening import Workplace


@dataclass(frozen=True, slots=True)
class _Fix:
    """How mending ended; `run` is None when something stood in the way of a run."""

    run: str | None
    ending: Ending


def require_checked_out(reviewed: str, head: str) -> None:
    """Raises UsageError when a run, which starts from HEAD, would not start from the commit that is reviewed."""
    if reviewed != head:
        raise UsageError(
            "--fix starts from the commit that is checked out, and the review is about something else",
            hint="commit your changes, or check the range's head out, then run it again",
        )


def tell_and_fix(ledger: Ledger, review: Review, ending: Ending, telling: Telling, *, yes: bool, quiet: bool) -> int:
    """Tell the review, and when it came to its end, mend what it confirmed in a run of its own.

    People read the findings before they are asked about the plan; the one JSON document has to wait for the run.
    Returns the exit code: the run's, where there is one.
    """
    from agentflow.cli.review_report import tell
    from agentflow.report import documents, summary, term

    waits = telling.form == "json"
    code = 0 if waits else tell(review, ending, telling)
    fixed = _fix(ledger, review, yes=yes, quiet=quiet) if ending.error is None and review.ended else None
    run = fixed.run if fixed else None
    if waits:
        code = tell(review, ending, telling, documents.run_document(ledger, run) if run else None)
    if run is not None:
        summary.show(ledger, run)
    if fixed is None:
        return code
    if fixed.ending.error is not None:
        term.error(fixed.ending.error.message, fixed.ending.error.hint)
    return fixed.ending.exit_code


def _fix(ledger: Ledger, review: Review, *, yes: bool, quiet: bool) -> _Fix | None:
    """Carry the fixes out, within what the budget leaves; None when there is nothing to fix."""
    from agentflow.cli.driving import drive
    from agentflow.domain.attempts import RunStatus
    from agentflow.workflows.driver import Ending

    plan = _plan(review)
    if plan is None:
        return None
    try:
        run = _new_run(ledger, review, plan)
    except AgentflowError as error:
        return _Fix(None, Ending(RunStatus.STOPPED, error))
    return _Fix(run, drive(ledger, run, {}, yes=yes, quiet=quiet))


def _plan(review: Review) -> Plan | None:
    """What is confirmed as a plan; what that leaves out is said."""
    from agentflow.domain.findings import Verified
    from agentflow.report import term
    from agentflow.review.fixing import fix_plan

    found = (*review.selection.shown, *review.selection.cut)
    fixes = fix_plan([one for one in found if one.verified is Verified.CONFIRMED])
    for reason in fixes.left_out:
        term.warn(reason)
    if not fixes.plan.subtasks:
        term.note("nothing to fix: " + ("no finding can be mended" if fixes.left_out else "no finding is confirmed"))
        return None
    return fixes.plan


def _new_run(ledger: Ledger, review: Review, plan: Plan) -> str:
    from agentflow.workflows.opening import new_run

    workplace = asyncio.run(_workplace(review))
    goal, trust = f"Mend what review {review.run.id} found", bool(review.run.spec.get("trust"))
    return asyncio.run(new_run(workplace, ledger, goal, plan=plan, trust=trust))


async def _workplace(review: Review) -> Workplace:
    """The checkout with its own settings, and of the budget what the review left.

    Raises LimitReached when it left nothing, UsageError when the reviewed commit is no longer checked out.
    """
    from agentflow.report.bill import usage_of
    from agentflow.workflows.opening import open_workplace

    cap, spent = review.run.budget_usd, usage_of(review.calls).cost.usd
    if cap is not None and spent >= cap:
        raise LimitReached(
            f"the review used the budget of ${cap:.2f} up: ${spent:.4f} is spent",
            hint="fix with a higher one, --budget USD: what reviewers have answered is kept",
        )
    flags = {} if cap is None else {"budget_usd": cap - spent}
    workplace = await open_workplace(review.run.repo_root, flags)
    require_checked_out(review.spec.head, workplace.repository.head)
    return workplace
