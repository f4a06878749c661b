"""A review that is killed, stopped or repeated: whatever was answered is not asked again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3

import pytest

from agentflow.domain.events import EventKind

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are ended by signals")

#: A reviewer with other instructions.
TERSE = """\
name: reviewer
description: Reads.
role: reviewer
tier: haiku
ladder: [haiku]
tools: []
limits: {max_turns: 4, budget_usd: 0.10, timeout_s: 240}
prompt: Review the code.
"""
HANG = {"fault": {"hang": 300}}


def hangs(agent: str, **when: object) -> dict:
    """The first such request is never answered."""
    return {"when": {"agent": agent, **when}, "turns": [HANG]}


def asked(server, **labels: str) -> int:
    return sum(labels.items() <= dict(request.labels).items() for request in server.requests)


def asked_packs(server, since: int = 0) -> list[str]:
    names = (request.labels["subtask"] for request in server.requests[since:])
    return sorted(name for name in names if name.startswith("pack"))


@pytest.fixture
def found(reviewing):
    """Rules by which every pack has its finding, all of them confirmed."""
    reports = (
        reviewing.reports(reviewing.finding(file=f"src/m{n}.py"), subtask=f"pack-{n}", times="*") for n in (1, 2, 3)
    )
    groups = {"groups": [{"members": [n], "severity": "high"} for n in (1, 2, 3)], "findings": []}
    verdicts = dict.fromkeys((1, 2, 3), "confirmed")
    return [*reports, reviewing.answers("synthesizer", groups, "*"), reviewing.rules_on(verdicts, times="*")]


@pytest.fixture
def ended(world):
    """Waits for a started command; gives its exit code, stderr and document."""

    def wait(process):
        out, err = process.communicate(timeout=120)
        return process.returncode, err, json.loads(out)

    return wait


def finished(world, number: int):
    return lambda: sum(event.kind is EventKind.PACK_FINISHED for event in world.events()) == number


def kill(process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def essence(document) -> dict:
    """A review without what tells one run of it from another."""
    own = ("run_id", "cost_usd", "duration_s", "usage", "kept_answers")
    return {key: value for key, value in document.items() if key not in own}


@pytest.mark.long
def test_a_review_killed_twice_pays_for_no_answer_twice_and_ends_as_if_nothing_had_been(world, reviewing, found):
    root = reviewing.packs(3)
    server = reviewing.scene(hangs("reviewer", subtask="pack-2"), hangs("verifier", subtask="verify-3"), *found)
    process = world.start(root, "review", "src", "--json", replay=server)
    world.until(finished(world, 2), process)
    world.until(lambda: asked(server, subtask="pack-2"), process)
    kill(process)

    process = world.start(root, "resume", "--json", replay=server)
    world.until(lambda: asked(server, agent="verifier") == 3, process)
    kill(process)
    assert asked_packs(server) == ["pack-1", "pack-2", "pack-2", "pack-3"]

    resumed = world.agentflow(root, "resume", "--json", replay=server)
    assert (resumed.code, server.unmatched) == (1, []), resumed.err
    assert asked_packs(server) == ["pack-1", "pack-2", "pack-2", "pack-3"]
    assert asked(server, agent="synthesizer") == 1
    assert asked(server, subtask="verify-3") == 2

    undisturbed = reviewing.review(root, "src", "--json", replay=server)
    assert undisturbed.code == 1
    assert essence(resumed.json) == essence(undisturbed.json)
    assert resumed.json["usage"]["by_kind"]["review"]["calls"] == 4


@pytest.mark.long
def test_an_interrupted_review_is_resumed_by_one_process_at_a_time(world, reviewing, found, ended):
    root = reviewing.packs(3)
    hang = hangs("reviewer", subtask="pack-2")
    server = reviewing.scene(hang, hang, *found)
    process = world.start(root, "review", "src", "--json", replay=server)
    world.until(finished(world, 2), process)
    process.send_signal(signal.SIGINT)
    code, err, document = ended(process)
    assert (code, document["status"]) == (130, "interrupted"), err

    resumed = [world.start(root, "resume", "--json", replay=server) for _ in range(2)]
    world.until(lambda: any(process.poll() is not None for process in resumed))
    loser, winner = sorted(resumed, key=lambda process: process.poll() is None)
    code, err, document = ended(loser)
    assert (code, document["error"]["kind"]) == (2, "usage"), err
    assert f"process {winner.pid} is working on run" in document["error"]["message"]
    world.until(lambda: asked(server, subtask="pack-2") == 2, winner)
    kill(winner)

    last = world.agentflow(root, "resume", "--json", replay=server)
    assert (last.code, last.json["partial"], server.unmatched) == (1, False, []), last.err
    assert asked_packs(server) == ["pack-1", "pack-2", "pack-2", "pack-2", "pack-3"]


@pytest.fixture
def again(reviewing):
    """Reviews three packs once more, the third of whose answers is void: which were asked, and what was said."""
    root = reviewing.packs(3)
    void = reviewing.finding(file="src/m3.py", evidence="this line stands nowhere at all")
    server = reviewing.scene(reviewing.reports(void, subtask="pack-3", times="*"), *reviewing.clean())

    def review(*args: str) -> tuple[list[str], str]:
        before = len(server.requests)
        ended = reviewing.review(root, "src", *args, replay=server)
        assert ended.code == 0, ended.err
        return asked_packs(server, before), ended.out

    review.root, review.server = root, server
    assert review()[0] == ["pack-1", "pack-2", "pack-3"]
    return review


def test_answers_are_kept_as_long_as_the_code_is_the_same(again):
    changed = again.root / "src" / "m2.py"
    changed.write_text(changed.read_text().replace("Line 9 says", "Line 9 SAYS"))
    packs, told = again()
    assert packs == ["pack-2", "pack-3"]
    assert "3 files reviewed in 3 packs, 1 answered by an earlier review" in told
    assert asked(again.server, agent="synthesizer") == 1  # what it is shown of the files is the same


@pytest.mark.long
def test_answers_are_kept_as_long_as_the_instructions_are_the_same_and_they_can_be_read(world, again):
    packs, told = again()
    assert packs == ["pack-3"]  # its answer was void
    assert "3 files reviewed in 3 packs, 2 answered by an earlier review" in told

    (again.root / "CLAUDE.md").write_text("Divide by nothing that may be zero.\n")
    packs, told = again("--json")
    assert packs == ["pack-1", "pack-2", "pack-3"]
    assert json.loads(told)["kept_answers"] == 0

    (again.root / ".agentflow" / "agents").mkdir()
    (again.root / ".agentflow" / "agents" / "reviewer.yaml").write_text(TERSE)
    assert again()[0] == ["pack-1", "pack-2", "pack-3"]

    with sqlite3.connect(world.folder / "state" / "ledger.db") as ledger:
        keys = [key for (key,) in ledger.execute("SELECT key FROM cache WHERE kind = 'review' ORDER BY rowid")]
        for junk, some in (('{"findings": 7}', keys[::2]), ("{no JSON", keys[1::2])):
            ledger.executemany("UPDATE cache SET value = ? WHERE key = ?", [(junk, key) for key in some])
    ledger.close()
    assert again()[0] == ["pack-1", "pack-2", "pack-3"]
