"""Following a run through its events in the ledger, from this process or any other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from agentflow.domain.events import Event
from agentflow.report import term
from agentflow.report.lines import LineRenderer
from agentflow.report.live import LiveRenderer
from agentflow.report.view import RunView
from agentflow.store.ledger import Ledger

#: Seconds between two looks into the ledger, and between two drawings.
POLL_S = 0.25
#: Seconds between two questions whether it is over, so that nobody waits long for what comes next.
ASK_S = 0.05


class Renderer(Protocol):
    """Something that shows events as they come, and the passing of time."""

    view: RunView

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def show(self, event: Event) -> None: ...
    def tick(self, now: float) -> None: ...


class SilentRenderer:
    """Shows nothing (`--quiet`)."""

    def __init__(self, run_id: str) -> None:
        self.view = RunView(run_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to restore."""

    def show(self, event: Event) -> None:
        self.view.apply(event)

    def tick(self, now: float) -> None:
        """Silence."""


def renderer(run_id: str, *, quiet: bool = False) -> Renderer:
    """The tree when stderr is a terminal, lines elsewhere, nothing when quiet."""
    if quiet:
        return SilentRenderer(run_id)
    return LiveRenderer(run_id) if term.animated() else LineRenderer(run_id)


async def follow(ledger: Ledger, run_id: str, render: Renderer, until: Callable[[], bool]) -> None:
    """Show the run's events as they come until `until()` says that no more will; those before are all shown.

    With the same renderer a second call goes on where the first ended.
    """
    with render:
        over = until()
        while True:
            for event in ledger.events(run_id, after=render.view.last_event):
                render.show(event)
            render.tick(time.time())
            if over:
                return
            over = await _pause(until)


async def _pause(until: Callable[[], bool]) -> bool:
    """Wait for the next look, or less when it is over meanwhile. Says whether it is."""
    for _ in range(round(POLL_S / ASK_S)):
        await asyncio.sleep(ASK_S)
        if until():
            return True
    return False
