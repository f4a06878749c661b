"""The exit codes of the contract, each with its one valid document; those of limits and faults stand with them."""

from __future__ import annotations

import json
import signal

import pytest

pytestmark = pytest.mark.cli


@pytest.mark.parametrize(
    ("arguments", "env", "code", "kind"),
    [
        (["run", "--nope"], {}, 2, "usage"),
        (["run", "Run errands", "--budget", "much"], {}, 2, "usage"),
        (["run"], {}, 2, "usage"),
        (["run", "--plan", "nowhere.yaml", "--yes"], {}, 2, "usage"),
        (["run", "Run errands", "--yes", "--sandbox", "some"], {}, 2, "usage"),
        (["run", "Run errands"], {}, 4, "environment"),
        (["run", "Run errands", "--yes"], {"ANTHROPIC_API_KEY": ""}, 4, "environment"),
        (["run", "Run errands", "--yes"], {"PATH": ""}, 4, "environment"),
    ],
)
def test_what_cannot_start_is_refused_before_anything_is_spent(world, errand, arguments, env, code, kind):
    refused = errand.run(*arguments, **env)
    assert (refused.code, refused.json["error"]["kind"]) == (code, kind), refused
    assert refused.err == ""
    assert world.events() == []


def test_a_damaged_ledger_is_a_store_error(world, errand):
    (world.folder / "state").mkdir()
    (world.folder / "state" / "ledger.db").write_bytes(b"not a database" * 100)
    refused = errand.run("run", "Run errands", "--yes")
    assert (refused.code, refused.json["error"]["kind"]) == (3, "store")


def test_a_plan_that_stays_wrong_ends_the_run_with_both_answers_kept(world, errand):
    cycle = errand.plan(errand.subtask("first", depends_on=["second"]), errand.subtask("second", depends_on=["first"]))
    server = errand.serve({"when": {"agent": "planner"}, "times": "*", "turns": [{"answer": cycle}]})
    rejected = errand.run("run", "Run errands", "--yes", server=server)
    assert (rejected.code, rejected.json["status"]) == (1, "failed"), rejected.err
    assert "cycle" in rejected.json["reason"]
    assert len(list((world.folder / "state" / "runs").glob("*/plan-answer-*.json"))) == 2
    assert server.unmatched == []


def test_an_interrupt_before_there_is_a_run_has_its_document_too(world, errand):
    slow = world.folder / "slow"
    slow.mkdir()
    (slow / "git").write_text(f"#!/bin/sh\ntouch {slow}/asked\nsleep 1\n")
    (slow / "git").chmod(0o755)
    path = f"{slow}:{world.env['PATH']}"
    process = world.start(errand.root, "run", "Run errands", "--yes", "--json", PATH=path)
    world.until((slow / "asked").exists, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert (process.returncode, json.loads(out)["error"]["kind"]) == (130, "interrupted")
