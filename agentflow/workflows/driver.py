"""Driving a run from outside the engine: plan, ask, execute, and leave a ledger that tells how it ended."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agentflow.config.machine import refusal
from agentflow.domain.attempts import RunStatus
from agentflow.domain.events import Event, EventKind
from agentflow.domain.tiers import Tier
from agentflow.errors import AgentflowError, PlanRejected
from agentflow.git.leftovers import clear_leftovers
from agentflow.store.processes import is_live
from agentflow.workflows.context import RunContext
from agentflow.workflows.engine import Engine, run_lock
from agentflow.workflows.finishing import clear_worktrees
from agentflow.workflows.interrupts import EXIT_CODE, Interrupts
from agentflow.workflows.plan_execute import execute_run, plan_run
from agentflow.workflows.review import review_run
from agentflow.workflows.tidying import tidy

#: Shows the run until the given question is answered with True.
Watch = Callable[[Callable[[], bool]], None]
#: Shows the plan and asks; False leaves the run waiting for approval. May raise AgentflowError.
Approve = Callable[[RunContext], bool]
#: How far a run is to be carried; raises KeyboardInterrupt when it is asked to stop.
Story = Callable[[Engine, Watch, Interrupts], RunStatus]


@dataclass(frozen=True, slots=True)
class Ending:
    """How driving ended: the status now in the ledger, and the error that stopped the run, if one did."""

    status: RunStatus
    error: AgentflowError | None = None

    @property
    def exit_code(self) -> int:
        if self.error is not None:
            return self.error.exit_code
        return {RunStatus.SUCCEEDED: 0, RunStatus.FAILED: 1}.get(self.status, EXIT_CODE)


def plan_only(context: RunContext, watch: Watch) -> Ending:
    """Baseline and plan, nothing more."""

    def story(engine: Engine, watching: Watch, _: Interrupts) -> RunStatus:
        _plan(context, engine, watching)
        return RunStatus.SUCCEEDED

    return _drive(context, watch, story)


def plan_and_execute(context: RunContext, watch: Watch, approve: Approve) -> Ending:
    """Carry a run as far as it goes. The same on a new run and on one that was stopped or killed.

    Raises UsageError when another process works on the run; bugs come through, with the run left resumable.
    """

    def story(engine: Engine, watching: Watch, interrupts: Interrupts) -> RunStatus:
        _plan(context, engine, watching)
        with interrupts.raised():
            if not _is_approved(context, approve):
                return RunStatus.PLANNED
        return RunStatus(_perform(engine, watching, "execute", execute_run))

    return _drive(context, watch, story)


def review_only(context: RunContext, watch: Watch) -> Ending:
    """Carry a review as far as it goes, new or stopped before."""

    def story(engine: Engine, watching: Watch, _: Interrupts) -> RunStatus:
        return RunStatus(_perform(engine, watching, "review", review_run))

    return _drive(context, watch, story)


def _plan(context: RunContext, engine: Engine, watch: Watch) -> None:
    errors = _perform(engine, watch, "plan", plan_run)
    if errors:
        listed = "".join(f"\n  - {error}" for error in errors)
        raise PlanRejected(
            f"the planner gave no plan that can be carried out:{listed}",
            hint=f"its answers are kept in {context.folder}",
        )


def _perform(engine: Engine, watch: Watch, name: str, workflow: Callable[[str], Any]) -> Any:
    result = engine.start(name, workflow)
    watch(lambda: engine.is_over(result))
    return engine.result(result)


def _is_approved(context: RunContext, approve: Approve) -> bool:
    """Ask once: the answer is kept, so a resumed run does not ask again."""
    spec = context.ledger.run(context.run_id).spec
    if not spec.get("approved"):
        if not approve(context):
            return False
        context.ledger.update_run(context.run_id, spec={**spec, "approved": True})
    return True


def _drive(context: RunContext, watch: Watch, story: Story) -> Ending:
    ending, began = Ending(RunStatus.INTERRUPTED), time.time()
    with run_lock(context.folder), Interrupts() as interrupts:
        _begin(context)
        try:
            with Engine(context, _limits(context)) as engine:
                ending = _ending_of(lambda: story(engine, _until_asked(watch, interrupts), interrupts))
                if ending.status is RunStatus.INTERRUPTED:
                    context.emit(EventKind.NOTICE, message="stopping; Ctrl-C again ends at once")
                    watch(lambda: True)
        finally:
            _close(context, ending, time.time() - began)
    return ending


def _until_asked(watch: Watch, interrupts: Interrupts) -> Watch:
    """Watching that ends with KeyboardInterrupt when the run is asked to stop."""

    def watching(over: Callable[[], bool]) -> None:
        watch(lambda: interrupts.asked or over())
        if interrupts.asked:
            raise KeyboardInterrupt

    return watching


def _begin(context: RunContext) -> None:
    """Ledger and events say that this process works on the run now."""
    run, before = context.ledger.run(context.run_id), context.ledger.events(context.run_id)
    was_killed = run.status is RunStatus.RUNNING
    active = run.active_s + (_seconds_since_last_start(before) if was_killed else 0.0)
    budget_usd = context.settings.budget_usd
    context.ledger.update_run(
        run.id,
        status=RunStatus.RUNNING,
        reason="",
        active_s=active,
        pid=os.getpid(),
        budget_usd=budget_usd,
        spec={**run.spec, "flags": dict(context.flags)},
    )
    context.emit(EventKind.RUN_STARTED, goal=run.goal, base=run.base, branch=run.branch, budget_usd=budget_usd)
    for message in () if before else run.spec.get("notices", ()):
        context.emit(EventKind.NOTICE, message=message)


def _seconds_since_last_start(events: Sequence[Event]) -> float:
    """How long a killed process worked, as far as its events tell."""
    starts = [event.at for event in events if event.kind is EventKind.RUN_STARTED]
    return events[-1].at - starts[-1] if starts else 0.0


def _limits(context: RunContext) -> dict[Tier, int]:
    """Attempts at once by tier. A tier without a model that no ladder names gets no queue: each costs a poller."""
    climbed = {tier for agent in context.agents.values() for tier in agent.ladder}
    tiers = context.settings.tiers.items()
    return {tier: given.max_parallel for tier, given in tiers if given.model is not None or tier in climbed}


def _ending_of(story: Callable[[], RunStatus]) -> Ending:
    try:
        return Ending(story())
    except PlanRejected as error:
        return Ending(RunStatus.FAILED, error)
    except AgentflowError as error:
        return Ending(RunStatus.STOPPED, error)
    except KeyboardInterrupt:
        return Ending(RunStatus.INTERRUPTED)
    except Exception as error:
        if (refused := refusal(error)) is None:
            raise
        return Ending(RunStatus.STOPPED, refused)


def _close(context: RunContext, ending: Ending, seconds: float) -> None:
    """The run's end in the ledger, once nothing of it is running any more."""
    _clear_git_directory(context)
    if ending.status in (RunStatus.SUCCEEDED, RunStatus.FAILED):
        asyncio.run(_clear(context))
    run, reason = context.ledger.run(context.run_id), ending.error.message if ending.error else ""
    context.emit(EventKind.RUN_FINISHED, status=ending.status.value, reason=reason, head=run.head)
    active = run.active_s + seconds
    context.ledger.update_run(
        run.id, status=ending.status, reason=reason, active_s=active, finished_at=time.time(), pid=None
    )


async def _clear(context: RunContext) -> None:
    await clear_worktrees(context)
    await tidy(context)


def _clear_git_directory(context: RunContext) -> None:
    """Unless another run's agents are at work in the same repository."""
    others = (run for run in context.ledger.runs(context.repository.common_dir) if run.id != context.run_id)
    if not any(is_live(run) for run in others):
        own = context.ledger.run(context.run_id).spec.get("git_places", ())
        asyncio.run(clear_leftovers(context.repository, own))
