"""Planning steps: the baseline, the planner's draft, its one repair."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentflow.checks.runners.discovery import discover
from agentflow.checks.unheard import line_errors
from agentflow.config.machine import write_private
from agentflow.config.plans import plan_from, plan_schema
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.evidence import brief
from agentflow.domain.plans import Plan, plan_errors, scope_doubts
from agentflow.domain.text import printable
from agentflow.domain.untrusted import untrusted
from agentflow.errors import UsageError
from agentflow.git.commits import list_files
from agentflow.workflows.context import RunContext
from agentflow.workflows.doctor import usable_checks
from agentflow.workflows.exploring import Explorers
from agentflow.workflows.orders import Drafted
from agentflow.workflows.prompts import planner_prompt, repair_prompt, sections


async def baseline(context: RunContext) -> list[str]:
    """Run the repository's own checks on the starting commit. Returns their commands.

    What fails here is known and does not block later; what passes here may not fail later. Raises CannotRun when a
    check cannot run here at all.
    """
    worktree = await context.rooms.view(context.base_worktree, context.base)
    configured = context.settings.checks
    commands = _discovered(context, worktree) if configured is None else list(configured)
    evidence = await context.prover.prove(context.base, commands, ("-", 0))
    context.emit(EventKind.BASELINE_FINISHED, checks=[brief(result) for result in evidence.results])
    usable = await usable_checks(context, evidence, discovered=configured is None)
    spec = context.ledger.run(context.run_id).spec
    context.ledger.update_run(context.run_id, spec={**spec, "checks": usable})
    return usable


def _discovered(context: RunContext, worktree: Path) -> list[str]:
    found = discover(worktree)
    if found.notice:
        context.emit(EventKind.NOTICE, message=printable(found.notice))
    return [check.command for check in found.checks]


async def draft(context: RunContext) -> Drafted:
    """One planner session on the starting commit; a plan that the user brought along is taken as it is.

    A scope that covers nothing is doubted once: what the repair insists on is taken as meant.
    """
    if context.has_plan:
        return Drafted(context.plan)
    files = await list_files(context.repository, context.base)
    drafted = await _ask(context, await _prompt(context, files), attempt=1)
    doubts = tuple(scope_doubts(drafted.plan, files)) if drafted.plan else ()
    return replace(drafted, plan=None, errors=doubts) if doubts else drafted


async def repair(context: RunContext, drafted: Drafted) -> Drafted:
    """The same session once more, with every error of its plan."""
    again = repair_prompt(drafted.errors)
    opening = await _prompt(context, await list_files(context.repository, context.base))
    earlier = untrusted("the plan that was made", (context.folder / "plan-answer-1.json").read_text(encoding="utf-8"))
    return await _ask(context, again, attempt=2, resume=drafted.session_id, afresh=sections(opening, earlier, again))


async def _prompt(context: RunContext, files: Sequence[str]) -> str:
    return planner_prompt(
        goal=context.goal,
        worktree=context.base_worktree,
        files=[printable(file) for file in files],
        rules=context.rules,
        baseline=await context.prover.known(context.base, context.checks),
        agents=context.agents,
    )


async def adopt(context: RunContext, drafted: Drafted) -> bool:
    """Keep a valid plan in the ledger and show it."""
    plan = drafted.plan
    if plan is None:
        return False
    context.put_plan(plan)
    for doubt in scope_doubts(plan, await list_files(context.repository, context.base)):
        context.emit(EventKind.NOTICE, message=doubt)
    announce(context, plan)
    return True


def announce(context: RunContext, plan: Plan) -> None:
    """Show the plan that the ledger holds now."""
    ladders = context.ladders
    rows = [
        {
            "id": s.id,
            "title": s.title,
            "tier": ladders[s.id][0].value,
            "agent": s.agent,
            "depends_on": list(s.depends_on),
        }
        for s in plan.subtasks
    ]
    context.emit(EventKind.PLAN_READY, summary=plan.summary, subtasks=rows)


async def _ask(
    context: RunContext, prompt: str, *, attempt: int, resume: str | None = None, afresh: str = ""
) -> Drafted:
    planner = context.agents["planner"]
    request = context.request(
        CallKind.PLAN,
        planner,
        planner.tier,
        prompt=prompt,
        schema=plan_schema(),
        worktree=context.base_worktree,
        attempt=attempt,
        resume=resume,
        afresh=afresh,
        explore=Explorers(context).tool(context.base_worktree),
    )
    result = await context.desk.run(request, "plan")
    write_private(context.folder / f"plan-answer-{attempt}.json", _pretty(result.output))
    if result.output is None:
        reason = result.failure.reason if result.failure else "no answer"
        return Drafted(None, (f"the planner gave no plan: {reason}",), result.session_id)
    return _validated(context, result.output, result.session_id)


def _validated(context: RunContext, answer: Mapping[str, Any], session_id: str | None) -> Drafted:
    try:
        plan = plan_from(answer)
    except UsageError as error:
        return Drafted(None, tuple(error.message.splitlines()), session_id)
    errors = [*plan_errors(plan, context.agents), *line_errors(plan.checks)]
    return Drafted(None if errors else plan, tuple(errors), session_id)


def _pretty(answer: Mapping[str, Any] | None) -> str:
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
