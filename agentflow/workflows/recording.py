"""What a model session leaves behind while it runs: its row in the ledger and its events."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from agentflow.domain.codec import encode
from agentflow.domain.events import Event, EventKind
from agentflow.domain.text import printable
from agentflow.errors import AgentflowError
from agentflow.models.session import (
    Denied,
    Progress,
    RequestFinished,
    Retrying,
    SessionRequest,
    SessionResult,
    ToolUsed,
    Unreadable,
)
from agentflow.store.ledger import Ledger

ANSWERED = "answered"


class Recording:
    """Use as a context manager around the runner; give it the `result` when there is one.

    Every answered request is booked at once, so a killed process loses nothing that was paid. A session that ends
    without a result is recorded as `interrupted`, or with the kind of the error that ended it.
    """

    def __init__(self, ledger: Ledger, request: SessionRequest, runner: str, task_class: str) -> None:
        self._ledger = ledger
        self._request = request
        self._runner = runner
        self._task_class = task_class
        self.cost_usd = 0.0
        self.counted_usd = 0.0
        self.result: SessionResult | None = None

    def __enter__(self) -> Self:
        request, self._started = self._request, time.monotonic()
        self._call = self._ledger.start_call(
            request.label.run,
            request.label,
            request.kind,
            runner=self._runner,
            model=request.model,
            task_class=self._task_class,
        )
        self._emit(EventKind.SESSION_STARTED, call_kind=request.kind.value, model=request.model)
        return self

    def observe(self, progress: Progress) -> None:
        """What the runner tells while the session goes on."""
        if isinstance(progress, RequestFinished):
            self._ledger.add_request(self._call, progress.request)
            self.cost_usd += progress.request.cost_usd or 0.0
            self.counted_usd += progress.request.counted_usd
        kind, data = _event(progress)
        self._emit(kind, **data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        result, outcome = self.result, self._outcome(error)
        self._ledger.finish_call(
            self._call,
            session_id=result.session_id if result else None,
            cli_cost_usd=result.cli_cost_usd if result else None,
            ttft_s=result.ttft_s if result else None,
            duration_s=time.monotonic() - self._started,
            outcome=outcome,
        )
        ok, failure = outcome == ANSWERED, result.failure if result else None
        reason = failure.reason if failure else "" if ok else outcome
        self._emit(EventKind.SESSION_FINISHED, ok=ok, reason=reason, cost_usd=self.cost_usd)

    def _outcome(self, error: BaseException | None) -> str:
        if isinstance(error, AgentflowError):
            return error.kind
        if self.result is None:
            return "interrupted"
        return self.result.failure.outcome.value if self.result.failure else ANSWERED

    def _emit(self, kind: EventKind, **data: object) -> None:
        label = self._request.label
        event = Event(kind, label.subtask, label.attempt, label.agent, label.tier.value, {"call": self._call, **data})
        self._ledger.emit(label.run, event)


def _event(progress: Progress) -> tuple[EventKind, dict[str, object]]:
    match progress:
        case ToolUsed(tool, argument):
            return EventKind.TOOL_USED, {"tool": tool, "argument": argument}
        case RequestFinished(request):
            data = {"model": request.model, "tokens": encode(request.tokens), "cost_usd": request.cost_usd}
            guess = {} if request.estimate_usd is None else {"estimate_usd": request.estimate_usd}
            return EventKind.REQUEST_FINISHED, {**data, **guess}
        case Retrying(status, delay_s):
            return EventKind.RETRYING, {"status": status, "delay_s": delay_s}
        case Unreadable(what):
            return EventKind.NOTICE, {"message": f"a message of Claude Code cannot be read: {printable(what)}"}
        case Denied(denial):
            return EventKind.DENIED, {"tool": denial.tool, "argument": denial.argument, "reason": denial.reason}
