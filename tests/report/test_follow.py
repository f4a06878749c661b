from __future__ import annotations

import asyncio
import threading

from agentflow.report.follow import SilentRenderer, follow, renderer
from agentflow.report.lines import LineRenderer


class Recorder(SilentRenderer):
    """Keeps the kinds of what it is shown, and counts looks and entries."""

    def __init__(self) -> None:
        super().__init__("run-1")
        self.shown: list[str] = []
        self.ticks = 0

    def show(self, event):
        super().show(event)
        self.shown.append(event.kind.value)

    def tick(self, now):
        self.ticks += 1


def test_everything_told_before_the_end_is_shown_once(ledger, story):
    for event in story:
        ledger.emit("run-1", event)
    recorder = Recorder()
    asyncio.run(follow(ledger, "run-1", recorder, lambda: True))
    assert recorder.shown == [event.kind.value for event in story]
    assert recorder.ticks == 1


def test_events_are_shown_as_they_come_and_none_is_lost_at_the_end(ledger, event):
    """The last event is written just before the end is noticed."""
    recorder = Recorder()
    looks = 0

    def until() -> bool:
        nonlocal looks
        looks += 1
        ledger.emit("run-1", event("notice", message=str(looks)))
        return looks == 3

    asyncio.run(follow(ledger, "run-1", recorder, until))
    assert recorder.shown == ["notice"] * 3


def test_a_second_look_goes_on_where_the_first_ended(ledger, story):
    recorder = Recorder()
    for part in (story[:8], story[8:]):
        for event in part:
            ledger.emit("run-1", event)
        asyncio.run(follow(ledger, "run-1", recorder, lambda: True))
    assert recorder.shown == [event.kind.value for event in story]


def test_another_runs_events_are_not_shown(ledger, event):
    ledger.emit("run-2", event("notice", message="m"))
    recorder = Recorder()
    asyncio.run(follow(ledger, "run-1", recorder, lambda: True))
    assert recorder.shown == []


def test_a_writer_in_another_thread_can_be_followed(ledger, story):
    recorder = Recorder()

    def write() -> None:
        for event in story:
            ledger.emit("run-1", event)

    writer = threading.Thread(target=write)
    writer.start()
    asyncio.run(follow(ledger, "run-1", recorder, lambda: not writer.is_alive()))
    assert recorder.shown == [event.kind.value for event in story]


def test_without_a_terminal_a_run_is_lines_and_quiet_is_silence(capsys, event):
    assert isinstance(renderer("run-1"), LineRenderer)
    quiet = renderer("run-1", quiet=True)
    with quiet:
        quiet.show(event("notice", message="m"))
        quiet.tick(9999.0)
    assert quiet.view.total.last_at == 0.0
    assert capsys.readouterr() == ("", "")
