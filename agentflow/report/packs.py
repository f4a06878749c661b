"""What a review's events do to a run's view: its packs as rows, waiting, working, and read or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentflow.domain.calls import CallKind
from agentflow.domain.events import Event
from agentflow.domain.text import shown
from agentflow.report.row import Row

if TYPE_CHECKING:
    from agentflow.report.view import RunView

#: Sessions that judge the packs' findings together; each is named by its label, since no subtask is.
JUDGING = frozenset({CallKind.SYNTHESIZE.value, CallKind.VERIFY.value})


def review_ready(view: RunView, event: Event) -> None:
    """The same packs again after a crash keep their rows; others are another review."""
    titles = {str(pack["name"]): shown(str(pack["title"])) for pack in event.data.get("packs", ())}
    if titles != {name: row.title for name, row in view.packs.items()}:
        view.packs = {name: Row(title) for name, title in titles.items()}


def pack_started(view: RunView, event: Event) -> None:
    row = view.pack(event)
    if row and not row.finished:
        row.state, row.activity = "working", ""
        row.started_at = row.started_at or event.at


def pack_finished(view: RunView, event: Event) -> None:
    row = view.pack(event)
    if row and not row.finished:
        row.state = "done" if event.data.get("ok") else "failed"
        row.activity, row.finished_at = "", event.at
        row.reason = str(event.data.get("reason") or "")


def reader_started(view: RunView, event: Event) -> bool:
    """Whether the session that starts reads a pack: then the pack's row shows it."""
    row = view.packs.get(event.subtask)
    if row is None or event.data.get("call_kind") != CallKind.REVIEW:
        return False
    view.readers[event.data["call"]] = event.subtask
    if not row.finished:
        row.state, row.activity, row.model = "working", "", str(event.data.get("model", ""))
        row.agent, row.tier = event.agent, event.tier
    return True


def rest(packs: dict[str, Row]) -> None:
    """Nobody reads any more: what was not finished waits to be taken up, and its time begins anew."""
    for row in packs.values():
        if not row.finished:
            row.state, row.activity, row.started_at = "waiting", "", None
