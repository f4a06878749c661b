"""A run as lines, one per transition: for logs and pipes, and above the live tree for what is settled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from agentflow.domain.attempts import Outcome
from agentflow.domain.calls import CallKind
from agentflow.domain.events import Event, EventKind
from agentflow.report import term
from agentflow.report.figures import counted, dollars, duration, spent
from agentflow.report.row import Row
from agentflow.report.rows import climb_text, glyph
from agentflow.report.term import safe
from agentflow.report.view import RunView, retry_text

#: Seconds of silence after which a line says that the run is alive.
HEARTBEAT_S = 30.0
#: Characters of a reason, which may name many tests, on one line; the closing summary tells all of it.
REASON_CHARS = 120


class LineRenderer:
    """Prints a line per transition and a heartbeat; nothing is ever redrawn."""

    def __init__(self, run_id: str) -> None:
        self.view = RunView(run_id)
        self._last_line_at: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to restore."""

    def show(self, event: Event) -> None:
        self.view.apply(event)
        if (line := line_for(event, self.view)) is not None:
            self._print(line, event.at)

    def tick(self, now: float) -> None:
        """Say that the run is alive when nothing was printed for a while."""
        if self._last_line_at is None:
            self._last_line_at = now
        if now - self._last_line_at >= HEARTBEAT_S and not self.view.finished:
            self._print(heartbeat(self.view, now), now)

    def _print(self, line: str, at: float) -> None:
        since = duration(at - (self.view.started_at or at))
        term.note(f"{since:>6}  {line}")
        self._last_line_at = at


def line_for(event: Event, view: RunView) -> str | None:
    """The event in words, after it was folded into the view; None for what is no transition."""
    text = _WORDS[event.kind](event, view) if event.kind in _WORDS else None
    return None if text is None else safe(text if _names_itself(event, view) else f"{event.subtask}: {text}")


def heartbeat(view: RunView, now: float) -> str:
    """What is under way, for when nothing else is said."""
    own = [(row.title, row) for row in view.sessions.values() if row.owner == "-"]
    rows = [*view.subtasks.items(), *view.packs.items(), *own]
    doing = "; ".join(_doing(name, row, now) for name, row in rows if row.active) or "nothing yet"
    done = ", ".join([*view.progress, spent(view.total.cost_usd, view.total.unpriced)])
    return safe(f"still running: {doing} ({done})")


def check_text(check: Mapping[str, Any]) -> str:
    """A check as events and JSON documents tell it: `✗ pytest -q (2 failed, 10 passed)`.

    On another commit than the attempt's own, to fail is no fault: `- pytest -q (2 failed) on the base`.
    """
    where = f" {check['where']}" if check.get("where") else ""
    bad = "-" if where else "✗"
    return f"{'✓' if check.get('exit_code') == 0 else bad} {check_facts(check)}{where}"


def check_facts(check: Mapping[str, Any]) -> str:
    """The same without a verdict: `pytest -q (2 failed, 10 passed)`."""
    if check.get("obstacle"):
        return f"{check.get('command')} (cannot run: {check['obstacle']})"
    code, failed, passed = check.get("exit_code"), check.get("failed"), check.get("passed")
    counts = [f"{failed} failed"] if failed else []
    counts += [f"{passed} passed"] if passed is not None else []
    if code is None:
        counts = ["out of time"]
    elif code and not failed:
        counts.insert(0, f"exit {code}")
    counts += [f"{check['skipped']} skipped"] if check.get("skipped") else []
    counts += [f"{len(check['flaky'])} flaky"] if check.get("flaky") else []
    counts += ["left running by its tests"] if check.get("lingered") else []
    counts += ["found nothing to look at"] if check.get("idle") else []
    counts += [f"changed {', '.join(check['rewrote'][:3])}"] if check.get("rewrote") else []
    counts += ["partial"] if check.get("partial") else []
    counts += check.get("signs", [])
    return str(check.get("command")) + (f" ({', '.join(counts)})" if counts else "")


def widened_text(files: Iterable[str], *, asked: bool) -> str:
    """`scope widened by CHANGELOG.md (asked by the agent)`."""
    why = "asked by the agent" if asked else "refused to the agent"
    return f"scope widened by {', '.join(map(str, files))} ({why})"


def settled_text(row: Row) -> str:
    """A settled subtask: what became of it, the tiers it climbed, time and money, and why if it is not merged."""
    facts = [row.fate, climb_text(row), duration(row.elapsed_s(0.0)) if row.started_at else "", _row_cost(row)]
    told = ", ".join(fact for fact in facts if fact)
    return f"{glyph(row.state)} {told}" + (f": {_short(row.reason)}" if row.reason and row.state != "merged" else "")


def _names_itself(event: Event, view: RunView) -> bool:
    """Whether the text says itself what it is about: the run, a pack, a session called by its label."""
    if event.subtask == "-" or event.kind is EventKind.PACK_FINISHED:
        return True
    row = view.session(event)
    told = event.kind in {EventKind.SESSION_STARTED, EventKind.SESSION_FINISHED}
    return told and row is not None and row.title == event.subtask


def _doing(name: str, row: Row, now: float) -> str:
    return f"{name} {row.activity or row.state} {duration(row.elapsed_s(now))}"


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_CHARS else f"{reason[: REASON_CHARS - 1].rstrip()}…"


def _row_cost(row: Row) -> str:
    return spent(row.cost_usd, row.unpriced) if row.cost_usd or row.unpriced else ""


def _run_started(event: Event, view: RunView) -> str:
    facts = [f"branch {view.branch}"] if view.branch else []
    facts += [f"budget {dollars(view.budget_usd)}"] if view.budget_usd is not None else []
    verb = "" if view.started_at == event.at else " goes on"
    return f"run {view.run_id}{verb}: {view.goal}" + (f" ({', '.join(facts)})" if facts else "")


def _baseline(event: Event, _view: RunView) -> str:
    return f"baseline: {_listed(map(check_text, event.data.get('checks', ())))}"


def _listed(items: Iterable[str]) -> str:
    return "; ".join(items) or "no checks found"


def _plan(event: Event, _view: RunView) -> str:
    planned = counted(len(event.data.get("subtasks", ())), "subtask")
    return f"plan: {planned}: {event.data.get('summary', '')}"


def _review(event: Event, _view: RunView) -> str:
    packs = counted(len(event.data.get("packs", ())), "pack")
    skipped = event.data.get("skipped")
    files = counted(event.data.get("files", 0), "file")
    return f"review: {packs} of {files}" + (f", {skipped} skipped" if skipped else "")


def _pack_finished(event: Event, view: RunView) -> str:
    row, name = view.pack(event), str(event.data.get("pack", ""))
    title = f"{name} {row.title}" if row else name
    if not event.data.get("ok"):
        return f"✗ {title}: not reviewed: {_short(str(event.data.get('reason') or 'no answer'))}"
    facts = [counted(event.data.get("findings", 0), "finding")]
    if event.data.get("kept"):
        facts.append("kept from an earlier review")
    elif row:
        facts += [duration(row.elapsed_s(event.at)), _row_cost(row) or dollars(0)]
    return f"✓ {title}: {', '.join(facts)}"


def _findings(event: Event, _view: RunView) -> str:
    told = [f"{event.data.get(name, 0)} {name}" for name in ("found", "merged", "refuted", "reported")]
    return f"findings: {', '.join(told)}"


def _attempt_started(event: Event, _view: RunView) -> str:
    return f"attempt {event.attempt} on {event.tier} ({event.data.get('model', '')})"


def _session_started(event: Event, view: RunView) -> str | None:
    row = view.session(event)
    return None if row is None or view.reads(event) else f"{row.title} on {event.tier}"


def _session_finished(event: Event, view: RunView) -> str | None:
    row, reads = view.session(event), view.reads(event)
    kind = CallKind.REVIEW.value if reads else row.title if row else CallKind.EXECUTE.value
    if not event.data.get("ok"):
        return f"✗ {kind} session ended: {_short(str(event.data.get('reason') or 'no answer'))}"
    if row is None or reads:
        return None
    return f"✓ {kind} done, {duration(row.elapsed_s(event.at))}, {_row_cost(row) or dollars(0)}"


def _attempt_finished(event: Event, view: RunView) -> str:
    outcome, reason = str(event.data.get("outcome", "")), _short(str(event.data.get("reason") or ""))
    mark = "✓" if outcome == Outcome.PASSED else "✗"
    told = outcome.replace("_", " ") + (f": {reason}" if reason else "")
    row = view.subtasks.get(event.subtask)
    return f"{mark} attempt {event.attempt} on {event.tier or (row.tier if row else '')} {told}"


def _scope_widened(event: Event, _view: RunView) -> str:
    return f"wall: {widened_text(event.data.get('files', ()), asked=bool(event.data.get('asked')))}"


def _replanned(event: Event, _view: RunView) -> str:
    files, needed = (", ".join(map(str, event.data.get(name, ()))) for name in ("files", "depends_on"))
    order = f", after {needed}" if needed else ""
    return f"wall: planned anew ({files}{order}): {_short(str(event.data.get('reason') or ''))}"


def _merge_finished(event: Event, _view: RunView) -> str | None:
    return None if event.data.get("merged") else f"✗ not merged: {_short(str(event.data.get('reason') or ''))}"


def _subtask_finished(event: Event, view: RunView) -> str:
    return settled_text(view.subtasks[event.subtask])


def _run_finished(event: Event, _view: RunView) -> str:
    reason = event.data.get("reason")
    return f"run {event.data.get('status', '')}" + (f": {reason}" if reason else "")


def _denied(event: Event, _view: RunView) -> str:
    return f"denied {event.data.get('tool')} {event.data.get('argument')}: {event.data.get('reason')}"


_WORDS: Mapping[EventKind, Callable[[Event, RunView], str | None]] = {
    EventKind.RUN_STARTED: _run_started,
    EventKind.NOTICE: lambda event, _: str(event.data.get("message", "")),
    EventKind.BASELINE_FINISHED: _baseline,
    EventKind.PLAN_READY: _plan,
    EventKind.REVIEW_READY: _review,
    EventKind.PACK_FINISHED: _pack_finished,
    EventKind.FINDINGS_READY: _findings,
    EventKind.ATTEMPT_STARTED: _attempt_started,
    EventKind.SESSION_STARTED: _session_started,
    EventKind.RETRYING: lambda event, _: retry_text(event.data),
    EventKind.DENIED: _denied,
    EventKind.SESSION_FINISHED: _session_finished,
    EventKind.CHECK_FINISHED: lambda event, _: check_text(event.data),
    EventKind.ATTEMPT_FINISHED: _attempt_finished,
    EventKind.SCOPE_WIDENED: _scope_widened,
    EventKind.SUBTASK_REPLANNED: _replanned,
    EventKind.MERGE_STARTED: lambda _event, _view: "merging",
    EventKind.MERGE_FINISHED: _merge_finished,
    EventKind.SUBTASK_FINISHED: _subtask_finished,
    EventKind.RUN_FINISHED: _run_finished,
}
