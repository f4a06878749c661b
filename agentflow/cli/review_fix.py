"""`agentflow review --fix`: confirmed findings become a plan, and the plan a run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from agentflow.errors import LimitReached, UsageError

if TYPE_CHECKING:
    from agentflow.report.reviews.loading import Review
    from agentflow.store.ledger import Ledger
    from agentflow.workflows.driver import Ending
    from agentflow.workflows.opening import Workplace
    from agentflow.workflows.reviewing.opening import Opened


def require_committed(opened: Opened) -> None:
    """A run starts from HEAD, so only what stands there can be mended. Raises UsageError before anything is spent."""
    if opened.spec.head != opened.workplace.repository.head:
        raise UsageError(
            "--fix starts from the commit that is checked out, and the review is about something else",
            hint="commit your changes, or check the range's head out, then run it again",
        )


def fix(ledger: Ledger, opened: Opened, review: Review, *, yes: bool, quiet: bool) -> tuple[str, Ending] | None:
    """Carry the fixes out as a run of their own, within what the budget leaves; None when nothing is confirmed.

    Raises LimitReached when the review used the budget up.
    """
    from agentflow.cli.driving import drive
    from agentflow.domain.findings import Verified
    from agentflow.report import term
    from agentflow.review.fixing import fix_plan
    from agentflow.workflows.opening import new_run

    selection = review.selection
    confirmed = [f for f in (*selection.shown, *selection.cut) if f.verified is Verified.CONFIRMED]
    if not confirmed:
        term.note("nothing to fix: no finding is confirmed")
        return None
    mending = fix_plan(confirmed)
    for reason in mending.left_out:
        term.warn(reason)
    goal = f"Mend what review {review.run.id} found"
    run_id = asyncio.run(new_run(_workplace(opened, review), ledger, goal, plan=mending.plan))
    return run_id, drive(ledger, run_id, {}, yes=yes, quiet=quiet)


def _workplace(opened: Opened, review: Review) -> Workplace:
    """The checkout with its own settings, and the budget that the review left."""
    from agentflow.report.bill import usage_of
    from agentflow.workflows.opening import open_workplace

    flags = dict(opened.workplace.flags)
    workplace = asyncio.run(open_workplace(opened.workplace.repository.root, flags))
    cap = workplace.settings.budget_usd
    if cap is None:
        return workplace
    left = cap - usage_of(review.calls).cost.usd
    if left <= 0:
        raise LimitReached(f"the review used the budget of ${cap:.2f} up", hint="fix with a higher one: --budget USD")
    return replace(
        workplace, settings=replace(workplace.settings, budget_usd=left), flags={**flags, "budget_usd": left}
    )
