"""The live tree on stderr: what is under way is redrawn in place, what is settled is printed above, once."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from agentflow.domain.events import Event, EventKind
from agentflow.report import term
from agentflow.report.lines import line_for
from agentflow.report.rows import tree_lines
from agentflow.report.view import RunView

ABOVE = frozenset(
    {
        EventKind.RUN_STARTED,
        EventKind.NOTICE,
        EventKind.BASELINE_FINISHED,
        EventKind.PLAN_READY,
        EventKind.REVIEW_READY,
        EventKind.PACK_FINISHED,
        EventKind.FINDINGS_READY,
        EventKind.DENIED,
        EventKind.MERGE_FINISHED,
        EventKind.SUBTASK_FINISHED,
    }
)
_STYLES = {"○": "dim", "◐": "cyan", "◑": "blue", "↻": "yellow", "⇡": "magenta"}


class LiveRenderer:
    """Use as a context manager; the tree disappears at its end. It may be entered again later.

    The owner's loop decides when to redraw: no thread reads the view while events change it.
    """

    def __init__(self, run_id: str) -> None:
        self.view = RunView(run_id)
        self._console = term.people()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(Text(""))
            self._live.stop()
            self._live = None

    def show(self, event: Event) -> None:
        self.view.apply(event)
        if event.kind in ABOVE and (line := line_for(event, self.view)) is not None:
            term.note(line, self._console)

    def tick(self, now: float) -> None:
        """Draw the tree as it is now."""
        if self._live is not None:
            width, height = self._console.size
            self._live.update(styled(tree_lines(self.view, now, width, height)), refresh=True)


def styled(lines: list[str]) -> Text:
    """Colour by the mark a line begins with; the words stay as they are."""
    tree = Text("\n", no_wrap=True, overflow="crop").join(_styled_line(line) for line in lines[:-1])
    footer = Text(("\n" if len(lines) > 1 else "") + lines[-1], style="bold")
    return tree.append_text(footer)


def _styled_line(line: str) -> Text:
    return Text(line, style=_STYLES.get(line.lstrip()[:1], ""))
