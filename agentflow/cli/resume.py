"""`agentflow resume`: go on with a run that was stopped, interrupted or killed."""

from __future__ import annotations

import asyncio
import os

from agentflow.cli import options
from agentflow.errors import UsageError


def resume(
    run: options.RunId = None,
    yes: options.Yes = False,
    budget: options.Budget = None,
    detach: options.Detach = False,
    quiet: options.Quiet = False,
    moved: options.Moved = False,
    json: options.Json = False,
) -> None:
    """Go on where a run stopped.

    By default with this repository's latest unfinished run. Finished work is not repeated.
    """
    from agentflow.cli.detaching import detach as let_go
    from agentflow.cli.driving import carry_out, require_approval
    from agentflow.cli.moved import take_in
    from agentflow.cli.plan import carry_out_plan
    from agentflow.cli.review import carry_out_review
    from agentflow.config.nesting import require_outermost
    from agentflow.config.paths import here
    from agentflow.domain.attempts import RunStatus
    from agentflow.git.repository import open_repository
    from agentflow.report import closing, term
    from agentflow.store.ledger import open_ledger

    require_outermost(os.environ)
    with open_ledger() as ledger:
        take_in(ledger, run, moved=moved)
        if run is None:
            repository = asyncio.run(open_repository(here()))
            found = ledger.latest_unfinished(repository.common_dir)
            if found is None:
                raise UsageError("this repository has no unfinished run", hint="see them all: agentflow runs list")
        else:
            found = ledger.run(run)
        if found.status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
            term.note(f"run {found.id} is finished: {found.status.value}")
            if json:
                term.data(closing.closing_document(ledger, found))
            term.note(closing.closing_text(ledger, found))
            return
        approved = yes or bool(found.spec.get("approved"))
        if detach:
            require_approval(yes=approved or found.workflow != "run", as_json=True)
            let_go(ledger, found.id, as_json=json, options=[] if budget is None else ["--budget", str(budget)])
            return
        changed = options.settings(budget_usd=budget)
        if found.workflow == "plan":
            carry_out_plan(ledger, found.id, changed, output=None, quiet=quiet, as_json=json)
            return
        if found.is_review:
            carry_out_review(ledger, found, changed, yes=approved, quiet=quiet, as_json=json)
        carry_out(ledger, found.id, changed, yes=approved, quiet=quiet, as_json=json)
