"""What a run looks like, folded from its events alone. Pure: no clock, no files, no ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.domain.attempts import Outcome, RunStatus, SubtaskStatus
from agentflow.domain.calls import CallKind
from agentflow.domain.events import Event, EventKind
from agentflow.report.packs import JUDGING, pack_finished, pack_started, reader_started, rest, review_ready
from agentflow.report.row import Row

#: The `call` of the row that stands for the run's own checks; real calls start at 1.
OWN_CHECKS = 0
#: What stands for the outcome of an attempt that the plan stopped, once the plan is mended.
WALL = "wall"


@dataclass(slots=True)
class RunView:
    """The whole run: subtasks by id in plan order, packs by name, its other sessions by call, and its totals.

    `branch` is "" for a run that makes none; `readers` are the packs by the call of the session that reads them.
    """

    run_id: str
    goal: str = ""
    branch: str | None = None
    status: RunStatus = RunStatus.PLANNED
    reason: str = ""
    budget_usd: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    total: Row = field(default_factory=lambda: Row("total"))
    subtasks: dict[str, Row] = field(default_factory=dict)
    packs: dict[str, Row] = field(default_factory=dict)
    sessions: dict[int, Row] = field(default_factory=dict)
    readers: dict[int, str] = field(default_factory=dict)
    last_event: int = 0

    @property
    def finished(self) -> bool:
        return self.finished_at is not None

    @property
    def merged(self) -> int:
        """Subtasks whose work is on the branch."""
        landed = {SubtaskStatus.MERGED.value, SubtaskStatus.UNPROVEN.value}
        return sum(row.state in landed for row in self.subtasks.values())

    @property
    def progress(self) -> tuple[str, ...]:
        """How far it is, in words: `1/3 merged`, `3/12 packs`, both for a run with a review, or what comes first."""
        read = sum(row.finished for row in self.packs.values())
        counts = [f"{self.merged}/{len(self.subtasks)} merged"] if self.subtasks else []
        counts += [f"{read}/{len(self.packs)} packs"] if self.packs else []
        return tuple(counts) or ("collecting" if self.branch == "" else "planning",)

    def apply(self, event: Event) -> None:
        """Fold one event in. Events may repeat after a crash; a final state stays."""
        if self.finished:
            _resume(self, event)
        self.last_event = event.id
        _FOLDS[event.kind](self, event)
        for row in (self.total, self.subtask_of(event), self.session(event) or self.pack(event)):
            if row is not None:
                row.last_at = event.at

    def session(self, event: Event) -> Row | None:
        """The row of the session the event speaks of, unless it is an executor's; a reviewer's is its pack's."""
        call = event.data.get("call", -1)
        return self.packs.get(self.readers.get(call, "")) or self.sessions.get(call)

    def reads(self, event: Event) -> bool:
        """Whether the event's session reads a pack."""
        return event.data.get("call", -1) in self.readers

    def pack(self, event: Event) -> Row | None:
        """The row of the pack the event itself speaks of."""
        return self.packs.get(event.data.get("pack", ""))

    def subtask_of(self, event: Event) -> Row | None:
        """The subtask the event belongs to, settled or not. A review's labels may read like a subtask's id."""
        if "pack" in event.data:
            return None
        row = self.session(event)
        return self.subtasks.get(row.owner if row else event.subtask)

    def subtask(self, event: Event) -> Row | None:
        """The event's subtask while it is not settled. One that no plan announced gets a row of its own."""
        if event.subtask == "-":
            return None
        row = self.subtasks.setdefault(event.subtask, Row(event.subtask))
        return None if row.finished else row

    def worker(self, event: Event) -> Row | None:
        """The row that shows what the event's session does, while it is not settled."""
        row = self.session(event) or self.subtask(event)
        return None if row is None or row.finished else row


def _run_started(view: RunView, event: Event) -> None:
    data = event.data
    if view.started_at is not None:
        _resume(view, event)
    view.goal, view.branch = str(data.get("goal", view.goal)), data.get("branch", view.branch)
    view.budget_usd = data.get("budget_usd", view.budget_usd)
    view.status, view.started_at = RunStatus.RUNNING, view.started_at or event.at


def _resume(view: RunView, event: Event) -> None:
    """A second start, or whatever happens after the end: what was under way before is no longer."""
    view.status, view.reason, view.finished_at = RunStatus.RUNNING, "", None
    _end_sessions(view, event)
    for row in view.subtasks.values():
        if not row.finished:
            row.state, row.activity = "waiting", ""
    rest(view.packs)


def _run_finished(view: RunView, event: Event) -> None:
    view.status = RunStatus(event.data.get("status", RunStatus.INTERRUPTED))
    view.reason = str(event.data.get("reason") or "")
    view.finished_at = event.at
    _end_sessions(view, event)


def _end_sessions(view: RunView, event: Event) -> None:
    for row in view.sessions.values():
        if not row.finished:
            row.state, row.finished_at = "done", event.at


def _plan_ready(view: RunView, event: Event) -> None:
    for planned in event.data.get("subtasks", ()):
        row = view.subtasks.setdefault(planned["id"], Row(planned["id"]))
        row.title, row.depends_on = str(planned["title"]), tuple(planned["depends_on"])
        row.agent, row.tier = row.agent or str(planned["agent"]), row.tier or str(planned["tier"])


def _subtask_started(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.title = str(event.data.get("title") or row.title)
        row.state = "working"
        row.started_at = row.started_at or event.at


def _attempt_started(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.state, row.activity = "working", ""
        row.tier, row.model = event.tier or row.tier, str(event.data.get("model", ""))
        row.started_at = row.started_at or event.at


def _session_started(view: RunView, event: Event) -> None:
    kind, model = str(event.data.get("call_kind", "")), str(event.data.get("model", ""))
    if reader_started(view, event):
        return
    if kind != CallKind.EXECUTE:
        title, owner = (event.subtask, "-") if kind in JUDGING else (kind, event.subtask)
        beside = Row(title, owner, event.agent, event.tier, model, "working", started_at=event.at)
        view.sessions[event.data["call"]] = beside
    elif row := view.subtask(event):
        row.state, row.activity, row.model = "working", "", model
        row.agent, row.tier = event.agent or row.agent, event.tier or row.tier


def _tool_used(view: RunView, event: Event) -> None:
    if row := view.worker(event):
        row.state = "working"
        row.activity = f"{event.data.get('tool', '')} {event.data.get('argument', '')}".strip()


def _request_finished(view: RunView, event: Event) -> None:
    tokens, cost = token_count(event.data.get("tokens")), event.data.get("cost_usd")
    for paying in (view.total, view.session(event), view.subtask_of(event)):
        if paying is not None:
            paying.spend(tokens, cost)
    if row := view.worker(event):
        row.model = str(event.data.get("model") or row.model)
        row.state = "working"


def _retrying(view: RunView, event: Event) -> None:
    if row := view.worker(event):
        row.state, row.activity = "retrying", retry_text(event.data)


def _session_finished(view: RunView, event: Event) -> None:
    if view.reads(event):
        return
    if row := view.session(event):
        row.state, row.activity, row.finished_at = "done", "", event.at
        row.reason = str(event.data.get("reason") or "")
    elif row := view.subtask(event):
        row.state, row.activity = "working", ""


def _check_started(view: RunView, event: Event) -> None:
    command = str(event.data.get("command", ""))
    if event.subtask == "-":
        view.sessions[OWN_CHECKS] = Row("checks", state="checking", activity=command, started_at=event.at)
    elif row := view.subtask(event):
        row.state, row.activity = "checking", command


def _check_progress(view: RunView, event: Event) -> None:
    data = event.data
    failed = f", {data['failed']} failed" if data.get("failed") else ""
    row = view.sessions.get(OWN_CHECKS) if event.subtask == "-" else view.subtask(event)
    if row and row.state == "checking":
        row.activity = f"{data.get('done')}/{data.get('tests')}{failed}: {data.get('command', '')}"


def _check_finished(view: RunView, event: Event) -> None:
    if event.subtask == "-" and (own := view.sessions.get(OWN_CHECKS)):
        own.state, own.finished_at = "done", event.at
    elif row := view.subtask(event):
        row.activity = ""


def _attempt_finished(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        outcome = str(event.data.get("outcome", ""))
        row.state, row.activity, row.reason = "working", "", str(event.data.get("reason") or "")
        row.climbed = (*row.climbed, (event.tier or row.tier, outcome))


def _scope_widened(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.activity = f"scope widened by {', '.join(map(str, event.data.get('files', ())))}"
        row.climbed = (*row.climbed[:-1], (row.climbed[-1][0], WALL)) if row.climbed else ()


def _subtask_replanned(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.state, row.activity = "waiting", ""
        row.depends_on = tuple(map(str, event.data.get("depends_on", ())))
        row.climbed = (*row.climbed[:-1], (row.climbed[-1][0], WALL)) if row.climbed else ()


def _merge_started(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.state, row.activity = "merging", ""


def _merge_finished(view: RunView, event: Event) -> None:
    """Red on the combination: the attempt that passed alone did not pass after all."""
    row = view.subtask(event)
    if row and not event.data.get("merged"):
        row.state, row.reason = "working", str(event.data.get("reason") or "")
        if row.climbed:
            row.climbed = (*row.climbed[:-1], (row.climbed[-1][0], Outcome.CHECKS_FAILED.value))


def _subtask_finished(view: RunView, event: Event) -> None:
    if row := view.subtask(event):
        row.state = SubtaskStatus(event.data.get("status", SubtaskStatus.FAILED)).value
        row.proof = str(event.data.get("proof") or "")
        row.activity, row.finished_at = "", event.at
        row.reason = str(event.data.get("reason") or row.reason)


def _nothing(_view: RunView, _event: Event) -> None:
    """Told by the line renderer; changes no row."""


_FOLDS: Mapping[EventKind, Callable[[RunView, Event], None]] = {
    EventKind.RUN_STARTED: _run_started,
    EventKind.NOTICE: _nothing,
    EventKind.BASELINE_FINISHED: _nothing,
    EventKind.PLAN_READY: _plan_ready,
    EventKind.REVIEW_READY: review_ready,
    EventKind.PACK_STARTED: pack_started,
    EventKind.PACK_FINISHED: pack_finished,
    EventKind.FINDINGS_READY: _nothing,
    EventKind.SUBTASK_STARTED: _subtask_started,
    EventKind.ATTEMPT_STARTED: _attempt_started,
    EventKind.SESSION_STARTED: _session_started,
    EventKind.TOOL_USED: _tool_used,
    EventKind.REQUEST_FINISHED: _request_finished,
    EventKind.RETRYING: _retrying,
    EventKind.DENIED: _nothing,
    EventKind.SESSION_FINISHED: _session_finished,
    EventKind.CHECK_STARTED: _check_started,
    EventKind.CHECK_PROGRESS: _check_progress,
    EventKind.CHECK_FINISHED: _check_finished,
    EventKind.ATTEMPT_FINISHED: _attempt_finished,
    EventKind.SCOPE_WIDENED: _scope_widened,
    EventKind.SUBTASK_REPLANNED: _subtask_replanned,
    EventKind.MERGE_STARTED: _merge_started,
    EventKind.MERGE_FINISHED: _merge_finished,
    EventKind.SUBTASK_FINISHED: _subtask_finished,
    EventKind.RUN_FINISHED: _run_finished,
}


def token_count(tokens: Mapping[str, int] | int | None) -> int:
    """All token classes together."""
    return sum(tokens.values()) if isinstance(tokens, Mapping) else tokens or 0


def retry_text(data: Mapping[str, Any]) -> str:
    status = data.get("status")
    return f"retrying in {data.get('delay_s') or 0:.0f}s" + (f" (HTTP {status})" if status else "")
