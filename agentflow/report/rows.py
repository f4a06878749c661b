"""The live tree as plain lines that fit the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from agentflow.domain.attempts import Outcome
from agentflow.report.figures import count, dollars, duration, spent
from agentflow.report.row import FINAL, Row
from agentflow.report.term import safe
from agentflow.report.view import WALL, RunView

_GLYPHS = {
    "waiting": "○",
    "working": "◐",
    "checking": "◑",
    "retrying": "↻",
    "merging": "⇡",
    "done": "✓",
    "merged": "✓",
    "unproven": "?",
    "failed": "✗",
    "blocked": "✗",
    "skipped": "-",
}
#: Seconds without any event after which a row is called stalled.
_STALLED_S = 60.0


@dataclass(frozen=True, slots=True)
class _Layout:
    """Widths in cells; a column of width 0 is left out. Title and activity share what remains."""

    agent: int
    model: int
    tokens: int
    activity: bool


_WIDE, _MEDIUM, _NARROW = _Layout(8, 14, 6, True), _Layout(0, 10, 0, True), _Layout(0, 6, 0, False)


def tree_lines(view: RunView, now: float, width: int, height: int) -> list[str]:
    """What is under way or waits, and a footer, in at most `height` - 4 lines of at most `width` cells.

    Settled subtasks and packs are only counted in the footer: they were printed above, one line each.
    """
    rows = _rows(view)
    shown = _that_fit(rows, max(height - 5, 0))
    lines = [_line(row, depth, now, width) for row, depth in shown]
    if hidden := len(rows) - len(shown):
        lines.append(_clip(f"… {hidden} more", width))
    return [*lines[: max(height - 5, 0)], _footer(view, now, width)]


def glyph(state: str) -> str:
    return _GLYPHS.get(state, "◐")


def climb_text(row: Row) -> str:
    """The tiers tried: `haiku ✗ → sonnet ✓`."""
    return " → ".join(f"{tier} {rung_mark(outcome)}" for tier, outcome in row.climbed)


def rung_mark(outcome: str) -> str:
    """What an attempt is in one word or less; one that the plan stopped has not failed."""
    return {Outcome.PASSED.value: "✓", WALL: WALL}.get(outcome, "✗")


def short_model(tier: str, model: str) -> str:
    """`haiku-5-5` for claude-haiku-5-5; the tier too where the model's name does not tell it."""
    name = model.removeprefix("claude-")
    return name if not tier or tier in name else f"{tier} {name}".strip()


def _rows(view: RunView) -> list[tuple[Row, int]]:
    """Unfinished rows with their depth: the run's own sessions, subtasks with the sessions beside them, packs."""
    beside = [row for row in view.sessions.values() if not row.finished]
    rows = [(row, 0) for row in beside if row.owner == "-"]
    for subtask_id, row in view.subtasks.items():
        if row.state not in FINAL:
            rows.append((row, 0))
        rows.extend((helper, 1) for helper in beside if helper.owner == subtask_id)
    return [*rows, *((row, 0) for row in view.packs.values() if not row.finished)]


def _that_fit(rows: list[tuple[Row, int]], room: int) -> list[tuple[Row, int]]:
    """All rows, or the most telling ones with a line left to count the others."""
    if len(rows) <= room:
        return rows
    by_weight = sorted(range(len(rows)), key=lambda i: (rows[i][0].state == "waiting", rows[i][1]))
    kept = sorted(by_weight[: max(room - 1, 0)])
    return [rows[i] for i in kept]


def _line(row: Row, depth: int, now: float, width: int) -> str:
    layout = _WIDE if width >= 90 else _MEDIUM if width >= 60 else _NARROW
    lead = "  " * depth + glyph(row.state) + " "
    fixed = [
        (row.agent, layout.agent, False),
        (short_model(row.tier, row.model) if layout.activity else row.tier, layout.model, False),
        (duration(row.elapsed_s(now)) if row.started_at else "", 6, True),
        (count(row.tokens) if row.tokens else "", layout.tokens, True),
        (_cost(row), 8, True),
    ]
    cells = [_cell(text, size, right=right) for text, size, right in fixed if size]
    room = max(width - cell_len(lead) - sum(cell_len(cell) + 1 for cell in cells), 0)
    title = room if not layout.activity else room * 9 // 20
    start = _cell(row.title, title)
    if layout.activity:
        cells.insert(2 if layout.agent else 1, _cell(_activity(row, now), room - title - 1))
    return _clip(lead + " ".join([start, *cells]), width).rstrip()


def _activity(row: Row, now: float) -> str:
    if row.state == "waiting":
        return f"needs {', '.join(row.depends_on)}" if row.depends_on else "waiting"
    quiet = now - (row.last_at or now)
    if row.active and quiet >= _STALLED_S:
        return f"stalled {duration(quiet)}"
    return row.activity or row.state


def _cost(row: Row) -> str:
    return dollars(row.cost_usd or None) if row.cost_usd or row.unpriced else ""


def _footer(view: RunView, now: float, width: int) -> str:
    spending = spent(view.total.cost_usd, view.total.unpriced)
    budget = f" of {dollars(view.budget_usd)}" if view.budget_usd is not None else ""
    elapsed = duration((view.finished_at or now) - view.started_at) if view.started_at else "0s"
    return _clip(" · ".join([*view.progress, f"{spending}{budget}", elapsed, view.run_id]), width)


def _cell(text: str, size: int, *, right: bool = False) -> str:
    clipped = _clip(safe(text), size)
    padding = " " * max(size - cell_len(clipped), 0)
    return padding + clipped if right else clipped + padding


def _clip(text: str, size: int) -> str:
    """At most `size` cells; wide characters count two."""
    return text if cell_len(text) <= size else set_cell_size(text, max(size - 1, 0)).rstrip() + "…" * (size > 0)
