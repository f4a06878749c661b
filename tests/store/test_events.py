from __future__ import annotations

from dataclasses import replace

from agentflow.domain.events import Event, EventKind

EVENT = Event(EventKind.TOOL_USED, "auth", 1, "execute", "haiku", {"call": 1, "tool": "Edit", "argument": "a\udc80"})


def test_an_event_comes_back_with_id_and_time(ledger):
    ledger.emit("run-1", EVENT)
    (event,) = ledger.events("run-1")
    assert replace(event, id=0, at=0.0) == EVENT
    assert event.id > 0
    assert event.at > 0


def test_a_given_time_is_kept(ledger):
    ledger.emit("run-1", replace(EVENT, at=5.0))
    assert ledger.events("run-1")[0].at == 5.0


def test_readers_go_on_after_what_they_have_seen(ledger):
    for run_id in ("run-1", "run-2", "run-1"):
        ledger.emit(run_id, EVENT)
    first, second = ledger.events("run-1")
    assert ledger.events("run-1", after=first.id) == [second]
    assert ledger.events("run-1", after=second.id) == []


def test_ids_are_not_used_again_after_a_run_is_deleted(ledger):
    ledger.emit("run-1", EVENT)
    (event,) = ledger.events("run-1")
    ledger.delete_run("run-1")
    ledger.emit("run-2", EVENT)
    assert ledger.events("run-2")[0].id > event.id
