"""Starting model sessions: capped by the budget, retried on transport faults, every one a row in the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from agentflow.domain.agents import Agent
from agentflow.domain.attempts import FailureKind
from agentflow.domain.calls import Request
from agentflow.domain.codec import encode
from agentflow.domain.events import Event, EventKind
from agentflow.errors import AgentflowError, EnvironmentError_, LimitReached, UpstreamError
from agentflow.models.session import (
    Denied,
    Failure,
    Progress,
    RequestFinished,
    Retrying,
    Runner,
    SessionRequest,
    SessionResult,
    ToolUsed,
)
from agentflow.store.ledger import Ledger
from agentflow.workflows.budget import Budget

#: Seconds before each further try of a session that the network or the provider broke; the CLI has retried by then.
TRANSPORT_PAUSES = (1.0, 4.0)

#: The least a session on this model may be expected to cost, USD; None when the model has no price.
LeastCost = Callable[[str], float | None]


class SessionDesk:
    """Where every model session of a run is started, capped, priced and recorded."""

    def __init__(
        self, ledger: Ledger, budget: Budget, runner_for: Callable[[Agent], tuple[str, Runner]], least_cost: LeastCost
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._runner_for = runner_for
        self._least_cost = least_cost

    async def run(self, request: SessionRequest, task_class: str) -> SessionResult:
        """One session to its end. Returns an answer or a quality failure.

        Raises UpstreamError when transport faults outlast the retries, LimitReached when the run's budget or a usage
        limit is reached, EnvironmentError_ when the login or the CLI does not work.
        """
        for pause in (*TRANSPORT_PAUSES, None):
            result = await self._once(request, task_class)
            failure = result.failure
            if failure is None or failure.kind is FailureKind.QUALITY:
                return result
            if failure.kind is not FailureKind.TRANSPORT or pause is None:
                raise _stop(failure)
            await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def _once(self, request: SessionRequest, task_class: str) -> SessionResult:
        wanted, least = request.agent.limits.budget_usd, self._least_cost(request.model) or 0.0
        share = await self._budget.reserve(wanted, min(least, wanted))
        spent: list[Request] = []
        try:
            result = await self._recorded(replace(request, budget_usd=share), task_class, spent)
        finally:
            await self._budget.settle(share, sum(answered.cost_usd or 0.0 for answered in spent))
        if result.failure and result.failure.kind is FailureKind.LIMIT and share >= wanted:
            return replace(result, failure=_own_limit(result.failure))
        return result

    async def _recorded(self, request: SessionRequest, task_class: str, spent: list[Request]) -> SessionResult:
        label = request.label
        name, runner = self._runner_for(request.agent)
        call = self._ledger.start_call(
            label.run, label, request.kind, runner=name, model=request.model, task_class=task_class
        )
        self._emit(request, EventKind.SESSION_STARTED, call=call, call_kind=request.kind.value, model=request.model)

        def observe(progress: Progress) -> None:
            if isinstance(progress, RequestFinished):
                self._ledger.add_request(call, progress.request)
                spent.append(progress.request)
            kind, data = _event(progress)
            self._emit(request, kind, call=call, **data)

        started, outcome = time.monotonic(), "interrupted"
        result: SessionResult | None = None
        try:
            result = await runner.run(request, observe)
            outcome = result.failure.outcome.value if result.failure else "answered"
        except AgentflowError as error:
            outcome = error.kind
            raise
        finally:
            self._ledger.finish_call(
                call,
                session_id=result.session_id if result else None,
                cli_cost_usd=result.cli_cost_usd if result else None,
                ttft_s=result.ttft_s if result else None,
                duration_s=time.monotonic() - started,
                outcome=outcome,
            )
            reason = result.failure.reason if result and result.failure else ""
            cost = sum(answered.cost_usd or 0.0 for answered in spent)
            self._emit(
                request,
                EventKind.SESSION_FINISHED,
                call=call,
                ok=outcome == "answered",
                reason=reason or ("" if outcome == "answered" else outcome),
                cost_usd=cost,
            )
        return result

    def _emit(self, request: SessionRequest, kind: EventKind, **data: object) -> None:
        label = request.label
        event = Event(kind, label.subtask, label.attempt, label.agent, label.tier.value, data)
        self._ledger.emit(label.run, event)


def _event(progress: Progress) -> tuple[EventKind, dict[str, object]]:
    match progress:
        case ToolUsed(tool, argument):
            return EventKind.TOOL_USED, {"tool": tool, "argument": argument}
        case RequestFinished(request):
            data = {"model": request.model, "tokens": encode(request.tokens), "cost_usd": request.cost_usd}
            return EventKind.REQUEST_FINISHED, data
        case Retrying(status, delay_s):
            return EventKind.RETRYING, {"status": status, "delay_s": delay_s}
        case Denied(denial):
            return EventKind.DENIED, {"tool": denial.tool, "argument": denial.argument, "reason": denial.reason}


def _own_limit(failure: Failure) -> Failure:
    """The agent used up its own allowance, not the run's: the subtask was too hard for this tier."""
    if failure.http_status is not None or failure.resets_at is not None:
        return failure
    return replace(failure, kind=FailureKind.QUALITY)


def _stop(failure: Failure) -> AgentflowError:
    if failure.kind is FailureKind.TRANSPORT:
        return UpstreamError(failure.reason, hint="when it is back, go on with: agentflow resume")
    if failure.kind is FailureKind.LIMIT:
        return LimitReached(failure.reason, hint="go on with: agentflow resume")
    return EnvironmentError_(failure.reason, hint="then go on with: agentflow resume")
