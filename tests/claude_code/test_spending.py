"""What hooks book of a person's sessions: once, whatever is repeated, killed or broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from agentflow.domain.calls import CallKind, Tokens
from agentflow.errors import UsageError
from agentflow.models.prices import price

MODEL = "claude-opus-5-5"
COST = price(MODEL, Tokens(100, 10))


class Desk:
    """A project's transcripts, and the hooks that are told of them."""

    def __init__(self, world, hooks, root):
        self.world, self.hooks, self.root = world, hooks, root
        self.project = world.folder / "claude" / "projects" / "repo"
        self.project.mkdir(parents=True)

    def transcript(self, session):
        return self.project / f"{session}.jsonl"

    def answer(self, name, session="s1", agent=None, model=MODEL):
        """The model answers in a session, or in a sub-agent of it."""
        path = self.transcript(session)
        if agent:
            path = path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".meta.json").write_text(json.dumps({"agentType": f"type-{agent}"}))
        message = {"id": name, "model": model, "usage": {"input_tokens": 100, "output_tokens": 10}}
        entry = {"type": "assistant", "timestamp": datetime.now(UTC).isoformat(), "message": message}
        with path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def fire(self, event, session="s1", cwd=None, **env):
        answer = self.hooks.fire(
            event, cwd or self.root, env=env, session_id=session, transcript_path=str(self.transcript(session))
        )
        assert answer is None

    def calls(self, requests):
        """The ledger's calls as soon as it knows so many requests."""
        self.world.until(lambda: sum(call.requests for call in self.known()) >= requests)
        return self.known()

    def known(self):
        with self.world.ledger() as ledger:
            return ledger.calls_since(0)

    def book(self, *sessions):
        """The bookkeeper, waited for."""
        command = [sys.executable, "-c", "from agentflow.claude_code.bookkeeping import main; main()", str(self.root)]
        subprocess.run(
            [*command, *(str(self.transcript(session)) for session in sessions)], env=self.world.env, check=True
        )


@pytest.fixture
def desk(world, hooks):
    return Desk(world, hooks, world.repository({"a.txt": "hello\n"}))


def test_a_session_and_its_subagents_are_booked_as_they_go(desk, world):
    desk.fire("SessionStart")
    desk.answer("m1")
    desk.answer("m2", agent="a1", model="claude-haiku-5-5")
    desk.fire("SubagentStop")
    desk.calls(2)
    desk.answer("m3")
    desk.fire("SessionEnd")
    calls = desk.calls(3)

    assert sorted((call.agent, call.subtask, call.tier, call.requests) for call in calls) == [
        ("main", "-", "opus", 2),
        ("type-a1", "a1", "haiku", 1),
    ]
    assert {(call.run_id, call.kind, call.session_id) for call in calls} == {("s1", CallKind.INTERACTIVE, "s1")}
    assert sum(call.cost_usd for call in calls if call.agent == "main") == pytest.approx(2 * COST, abs=1e-15)
    with world.ledger() as ledger:
        assert ledger.calls_since(0, desk.root / ".git") == calls
        assert ledger.calls_since(0, desk.root / "elsewhere") == []


def test_bookkeepers_that_come_twice_and_at_once_book_once(desk):
    desk.fire("SessionStart")
    for n in range(20):
        desk.answer(f"m{n}")
    for _ in range(3):
        desk.fire("Stop")
    desk.book("s1")
    desk.book("s1")

    assert [call.requests for call in desk.calls(20)] == [20]


def test_an_account_that_is_lost_or_damaged_comes_to_the_same_sums(desk, hooks):
    desk.fire("SessionStart")
    desk.answer("m1")
    desk.book("s1")
    account = hooks.folder / "sessions" / "s1.account.json"
    kept = json.loads(account.read_text())

    account.write_text(json.dumps({**kept, "accounts": {"-": {"offset": "far"}}}))
    desk.book("s1")
    assert [call.requests for call in desk.known()] == [1]
    account.unlink()
    desk.book("s1")
    assert [call.requests for call in desk.known()] == [1]


def test_a_session_taken_up_again_after_its_account_was_swept_keeps_what_was_booked(desk, hooks):
    desk.fire("SessionStart")
    desk.answer("m1")
    desk.book("s1")
    (hooks.folder / "sessions" / "s1.account.json").unlink()
    desk.fire("SessionStart")
    desk.answer("m2")
    desk.book("s1")

    assert [call.requests for call in desk.known()] == [1, 1]


def test_a_killed_session_is_caught_up_with_when_another_starts_here(desk):
    desk.fire("SessionStart", "s1")
    desk.answer("m1", "s1")
    desk.answer("m2", "before-agentflow-came")
    desk.fire("SessionStart", "s2")

    assert [(call.run_id, call.requests) for call in desk.calls(1)] == [("s1", 1)]


def test_nothing_is_started_for_sessions_that_are_up_to_date(desk, hooks):
    desk.fire("SessionStart", "s1")
    desk.answer("m1", "s1")
    desk.book("s1")
    before = (hooks.folder / "sessions" / "s1.account.json").stat().st_mtime
    desk.transcript("s1").touch()
    os.utime(desk.transcript("s1"), (before - 1, before - 1))
    desk.fire("SessionStart", "s2")

    assert not [line for line in desk.world.processes().values() if "bookkeeping" in line]


def test_a_subagent_that_was_killed_is_caught_up_with_too(desk):
    desk.fire("SessionStart", "s1")
    desk.answer("m1", "s1")
    desk.book("s1")
    desk.answer("m2", "s1", agent="a1")
    desk.fire("SessionStart", "s2")

    assert len(desk.calls(2)) == 2


def test_a_session_outside_of_a_repository_is_booked_by_its_folder(desk, world):
    desk.answer("m1")
    desk.fire("Stop", cwd=world.folder)
    desk.calls(1)

    with world.ledger() as ledger:
        assert len(ledger.calls_since(0, world.folder)) == 1


def test_an_unknown_model_has_no_price_until_the_user_gives_it_one(desk, hooks):
    desk.fire("SessionStart")
    desk.answer("m1", model="mystery")
    desk.book("s1")
    assert [call.cost_usd for call in desk.known()] == [None]

    hooks.configure({}, prices={"mystery": {"input_per_mtok": 10, "output_per_mtok": 100}})
    for name in ("m2", "m3"):
        desk.answer(name, model="mystery")
    desk.book("s1")
    assert [(call.requests, call.cost_usd) for call in desk.known()] == [(3, pytest.approx(0.006))]


def test_a_worker_of_a_run_is_on_the_runs_own_bill(desk, hooks):
    desk.answer("m1")
    desk.fire("SessionStart", AGENTFLOW="1")
    desk.fire("Stop", AGENTFLOW="1")

    assert not (hooks.folder / "sessions" / "s1.account.json").exists()
    assert not [line for line in desk.world.processes().values() if "bookkeeping" in line]


def test_the_ledger_hook_can_be_switched_off(desk, hooks):
    hooks.configure({"ledger": False})
    desk.answer("m1")
    desk.fire("SessionStart")

    assert not (hooks.folder / "sessions" / "s1.account.json").exists()


def test_a_damaged_ledger_and_transcripts_of_any_shape_are_logged_and_no_more(desk, hooks, world):
    desk.fire("SessionStart")
    desk.answer("m1")
    (world.folder / "state" / "ledger.db").write_bytes(b"no database at all" * 100)
    desk.fire("Stop")
    world.until(lambda: "bookkeeping" in hooks.log)
    assert "file is not a database" in hooks.log

    for transcript in (None, 7, "", "\0", "/"):
        assert hooks.fire("Stop", desk.root, transcript_path=transcript) is None


def test_sessions_are_no_runs(desk, world):
    desk.answer("m1")
    desk.book("s1")

    with world.ledger() as ledger:
        assert len(ledger.calls("s1")) == 1
        assert (ledger.runs(), ledger.runs(desk.root / ".git"), ledger.latest_unfinished(desk.root / ".git")) == (
            [],
            [],
            None,
        )
        for name in ("s1", "s"):
            with pytest.raises(UsageError, match="no run"):
                ledger.run(name)
    assert time.time() - desk.known()[0].started_at < 3600
