"""Prints the README's picture of a real run: the live view at one moment, then the closing summary.

    python docs/picture.py STATE_DIR RUN [SECONDS]

STATE_DIR and RUN are those of a finished run, such as the demo's; SECONDS is the moment of the live view. Every word in
the picture comes from that run's events and ledger.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agentflow.report.lines import line_for
from agentflow.report.live import ABOVE, styled
from agentflow.report.rows import tree_lines
from agentflow.report.summary import summary_text
from agentflow.report.view import RunView
from agentflow.store.ledger import Ledger, open_ledger

WIDTH = 104


def main() -> None:
    state, run_id = Path(sys.argv[1]), sys.argv[2]
    with open_ledger(state / "ledger.db") as ledger:
        run = ledger.run(run_id)
        moment = float(sys.argv[3]) if len(sys.argv) > 3 else run.active_s / 2
        console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
        console.print(Text(f'$ agentflow run "{run.goal}" --yes', style="bold"))
        _live(console, ledger, run.id, moment)
        console.print()
        console.print(Text(summary_text(ledger, run.id)))
    sys.stdout.write(console.export_text())


def _live(console: Console, ledger: Ledger, run_id: str, moment: float) -> None:
    """What stood on the screen `moment` seconds after the start."""
    events = ledger.events(run_id)
    view, now = RunView(run_id), events[0].at + moment
    for event in (e for e in events if e.at <= now):
        view.apply(event)
        if event.kind in ABOVE and (line := line_for(event, view)):
            console.print(Text(line, no_wrap=True, overflow="ellipsis"))
    console.print(styled(tree_lines(view, now, WIDTH, 40)))


if __name__ == "__main__":
    main()
