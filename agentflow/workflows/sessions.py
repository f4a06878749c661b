"""Starting model sessions: capped by the budget, retried on transport faults, every one a row in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from agentflow.config.secrecy import redact, redacted
from agentflow.domain.agents import Agent
from agentflow.domain.attempts import FailureKind
from agentflow.domain.calls import CallKind
from agentflow.domain.redaction import MARK
from agentflow.errors import AgentflowError, EnvironmentError_, LimitReached, UpstreamError
from agentflow.models.session import Failure, Runner, SessionRequest, SessionResult
from agentflow.store.ledger import Ledger
from agentflow.workflows.budget import Budget
from agentflow.workflows.recording import Recording

#: Seconds before each further try of a session that the network or the provider broke; the CLI has retried by then.
TRANSPORT_PAUSES = (1.0, 4.0)

#: The part of the budget left that a session leaves: to the explorers it may ask, and to its own last answer, whose
#: price is known only when it is there.
SPARE = 0.25

#: What nothing stops half-way: each is one response, and its price is known only when it is there.
ONE_RESPONSE = frozenset({CallKind.REVIEW, CallKind.SYNTHESIZE, CallKind.VERIFY})

_REDACTED = (
    f"`{MARK}…]` stands where a secret was. You need not know it: leave such places in files as they are, and write no "
    "such words into any."
)

#: The least and the most a session may be expected to cost, USD; None when its model has no price.
Expected = Callable[[SessionRequest], tuple[float, float] | None]


class SessionDesk:
    """Where every model session of a run is started, capped, priced and recorded."""

    def __init__(
        self, ledger: Ledger, budget: Budget, runner_for: Callable[[Agent], tuple[str, Runner]], expected: Expected
    ) -> None:
        self._ledger = ledger
        self._budget = budget
        self._runner_for = runner_for
        self._expected = expected

    async def run(
        self, request: SessionRequest, task_class: str, pauses: Sequence[float] = TRANSPORT_PAUSES
    ) -> SessionResult:
        """One session to its end. Returns an answer or a quality failure. `pauses`: see TRANSPORT_PAUSES.

        A session to resume that is gone is begun afresh.

        Raises UpstreamError when transport faults outlast the retries, LimitReached when the run's budget or a usage
        limit is reached, EnvironmentError_ when the login or the CLI does not work.
        """
        for pause in (*pauses, None):
            result = await self._once(request, task_class)
            if request.resume and result.failure and result.failure.is_lost:
                request = replace(request, resume=None, prompt=request.afresh or request.prompt)
                result = await self._once(request, task_class)
            failure = result.failure
            if failure is None or failure.kind is FailureKind.QUALITY:
                return result
            if failure.kind is not FailureKind.TRANSPORT or pause is None:
                raise _stop(failure)
            await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def _once(self, request: SessionRequest, task_class: str) -> SessionResult:
        wanted = request.agent.limits.budget_usd
        least, most = self._expected(request) or (0.0, wanted)
        share = await self._reserve(request.kind, min(wanted, most), min(wanted, least))
        name, runner = self._runner_for(request.agent)
        recording = Recording(self._ledger, request, name, task_class)
        try:
            with recording:
                asked = replace(_without_secrets(request), budget_usd=share)
                result = recording.result = _told(await runner.run(asked, recording.observe))
        finally:
            await self._budget.settle(share, recording.counted_usd)
        if result.failure and result.failure.kind is FailureKind.LIMIT and share >= wanted:
            return replace(result, failure=_own_limit(result.failure))
        return result

    async def _reserve(self, kind: CallKind, wanted: float, least: float) -> float:
        if kind in ONE_RESPONSE:
            return await self._budget.reserve(wanted, least, whole=True)
        return await self._budget.reserve(wanted, least, spare=SPARE, nested=kind is CallKind.EXPLORE)


def _without_secrets(request: SessionRequest) -> SessionRequest:
    """What a model is told, and what it may make of the places where secrets stood."""
    prompt, shared = redact(request.prompt), redact(request.shared)
    note = f"\n\n{_REDACTED}" if MARK in prompt or MARK in shared else ""
    agent = replace(request.agent, prompt=redact(request.agent.prompt))
    return replace(request, prompt=prompt + note, shared=shared, afresh=redact(request.afresh), agent=agent)


def _told(result: SessionResult) -> SessionResult:
    """What came back, without the secrets that a model met or made."""
    failure = result.failure and replace(result.failure, reason=redact(result.failure.reason))
    denials = tuple(replace(one, argument=redact(one.argument), reason=redact(one.reason)) for one in result.denials)
    return replace(result, output=redacted(result.output), failure=failure, denials=denials)


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
