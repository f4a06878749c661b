"""`agentflow run --dry-run`: what would happen, with no model called and nothing written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentflow.domain.plans import Plan
    from agentflow.workflows.opening import Workplace


def show(workplace: Workplace, goal: str, plan: Plan | None, *, review: bool, as_json: bool) -> None:
    """Preflight, checks, tiers and, with a plan, its price range. Raises UsageError for what cannot run."""
    from agentflow.checks.runners.discovery import Discovery, discover
    from agentflow.git.preflight import preflight
    from agentflow.report import documents, term
    from agentflow.workflows.opening import choose_sandbox, require_telling, require_toolless, require_valid

    repository, settings = workplace.repository, workplace.settings
    require_telling(settings)
    if plan is not None:
        require_valid(plan, workplace.agents)
    if review:
        require_toolless(workplace.agents)
    notices = asyncio.run(preflight(repository, "agentflow/dry-run"))
    sandbox, warning = choose_sandbox(settings)
    found = discover(repository.root) if settings.checks is None else Discovery(())
    checks = [c.command for c in found.checks] if settings.checks is None else list(settings.checks)
    models = {tier.value: chosen.model for tier, chosen in settings.tiers.items() if chosen.model}
    document = {
        "schema": "agentflow/dry-run/1",
        "goal": goal,
        "base": repository.head,
        "branch": "agentflow/<run-id>",
        "budget_usd": settings.budget_usd,
        "max_parallel": settings.max_parallel,
        "sandbox": sandbox.value,
        "setup": settings.setup,
        "checks": checks,
        "tiers": models,
        "notices": [*notices, *filter(None, (warning, found.notice))],
        "subtasks": [s.id for s in plan.subtasks] if plan else None,
        "review": review,
    }
    if as_json:
        term.data(documents.as_text(document))
    else:
        term.note(_text(document))
        if plan is not None:
            term.note(_plan_text(workplace, plan))


def _text(document: Mapping[str, object]) -> str:
    return "\n".join(f"{key:<13} {_shown(value)}" for key, value in document.items() if key != "schema" and value)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "of the whole diff, at the end" if value is True else str(value)


def _plan_text(workplace: Workplace, plan: Plan) -> str:
    from agentflow.config.paths import ledger_path
    from agentflow.report.plan_text import render_plan
    from agentflow.routing.ladder import ladder_for
    from agentflow.store.ledger import open_ledger
    from agentflow.workflows.pricing import history_of, plan_estimate

    ladders = {s.id: ladder_for(workplace.agents[s.agent], s.complexity) for s in plan.subtasks}
    starts = {subtask: rungs[0] for subtask, rungs in ladders.items()}
    known = ledger_path().is_file()
    with open_ledger() if known else nullcontext() as ledger:
        estimate = plan_estimate(plan, ladders, workplace.settings, history_of(ledger))
    return render_plan(plan, starts, estimate)
