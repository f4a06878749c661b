"""`--detach`, `status --wait` and the guard against agentflow inside agentflow, on the real command."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import jsonschema
import pytest

from agentflow.report.documents import schema

pytestmark = pytest.mark.cli


def detached(errand, *args, **env):
    """The document that says who goes on with the run."""
    told = errand.run(*args, "--detach", **env)
    assert told.code == 0, told.err
    return told.json


def ended(errand, run_id):
    """The run's document once it has ended."""
    return errand.run("status", run_id, "--wait", "120").json


def test_a_detached_run_is_carried_out_by_a_process_of_its_own(errand):
    server = errand.serve(errand.writes("a"))
    told = detached(errand, "run", "--plan", errand.plan_file("a"), "--yes", server=server)
    document = ended(errand, told["run_id"])

    assert (document["status"], document["branch"]) == ("succeeded", told["branch"])
    assert errand.world.git(errand.root, "show", f"{told['branch']}:a.txt") == "good"
    assert server.unmatched == []
    assert "✓ succeeded: Run errands." in Path(told["log"]).read_text()
    validator = jsonschema.Draft202012Validator(schema("detached-1"))
    for key in schema("detached-1")["required"]:
        assert not validator.is_valid({k: v for k, v in told.items() if k != key}), f"without {key}"


@pytest.mark.long
def test_the_process_shares_neither_session_nor_group_with_the_one_that_started_it(errand):
    """So neither Ctrl-C, nor a closed terminal, nor the end of a Bash tool's process group reaches it."""
    server = errand.serve(errand.hangs(agent="execute"))
    told = detached(errand, "run", "--plan", errand.plan_file("a"), "--yes", server=server)
    try:
        assert os.getsid(told["pid"]) == os.getpgid(told["pid"]) == told["pid"]
        assert str(Path(f"/proc/{told['pid']}/fd/0").readlink()) == os.devnull
        errand.world.until(lambda: server.requests)
        running = errand.world.agentflow(errand.root, "status", "--exit-code")
        again = errand.run("resume", told["run_id"], "--yes", "--detach")
    finally:
        os.kill(told["pid"], signal.SIGTERM)
    stopped = errand.run("status", told["run_id"], "--wait", "60", "--exit-code")

    assert (running.code, running.out.splitlines()[0]) == (0, "running: Run errands.")
    assert "Write a: working, haiku" in running.out
    assert (again.code, again.json["error"]["kind"]) == (2, "usage")
    assert (stopped.code, stopped.json["status"]) == (130, "interrupted")


@pytest.mark.long
def test_a_stopped_run_goes_on_detached(errand):
    server = errand.serve(errand.writes("a"))
    plan = errand.plan_file("a")
    refused = errand.run("run", "--plan", plan, "--yes", "--budget", "0.01", server=server)
    told = detached(errand, "resume", "--yes", "--budget", "5", server=server)
    document = ended(errand, told["run_id"])

    assert refused.code == 5
    assert (told["run_id"], document["budget_usd"]) == (refused.json["run_id"], 5.0)
    assert document["status"] == "succeeded"


def test_what_is_wrong_before_the_run_is_said_at_once(errand):
    nobody_asked = errand.run("run", "tidy up", "--detach")
    no_plan = errand.run("run", "--plan", "missing.yaml", "--yes", "--detach")

    assert (nobody_asked.code, no_plan.code) == (4, 2)
    assert not errand.world.events()


@pytest.mark.long
def test_a_detached_plan_is_carried_out_by_its_runs_name(errand):
    server = errand.serve(errand.plans("a"), errand.writes("a"))
    planned = detached(errand, "plan", "run errands", server=server)
    shown = errand.world.agentflow(errand.root, "status", planned["run_id"], "--wait", "60")
    done = errand.run("run", "--plan", planned["run_id"], "--yes", server=server)

    assert "○ Write a: waiting, haiku" in shown.out
    assert shown.out.splitlines()[-1] == f"next: agentflow run --plan {planned['run_id']}"
    assert (done.code, done.json["subtasks"][0]["status"]) == (0, "merged")


def test_a_detached_review_keeps_its_report(errand):
    findings, groups = {"answer": {"findings": []}}, {"answer": {"groups": [], "findings": []}}
    (errand.root / "a.py").write_text("a = 1\n")
    server = errand.serve(
        {"when": {"agent": "reviewer"}, "times": "*", "turns": [findings]},
        {"when": {"agent": "synthesizer"}, "times": "*", "turns": [groups]},
    )
    told = detached(errand, "review", server=server)
    report = ended(errand, told["run_id"])

    assert told["workflow"] == "review"
    assert (report["status"], report["files_reviewed"]) == ("succeeded", ["a.py"])


@pytest.mark.parametrize(
    "command", [("run", "tidy up", "--yes"), ("plan", "tidy up"), ("review",), ("resume",)], ids=lambda given: given[0]
)
def test_nothing_starts_inside_a_worker_or_a_check(errand, command):
    refused = errand.run(*command, AGENTFLOW="1")

    assert (refused.code, refused.json["error"]["kind"]) == (4, "environment")


@pytest.mark.long
def test_a_worker_that_starts_agentflow_is_refused(errand):
    """By name the guard denies it; by whatever other way, it refuses itself. So the check, of which this is one, passes."""
    other_way = "python -m agentflow run 'hire more' --yes || test $? -eq 4"
    commands = ("agentflow run 'hire more' --yes", other_way)
    calls = [{"tool": "Bash", "input": {"command": command}} for command in commands]
    write = {"tool": "Write", "input": {"file_path": "{cwd}/a.txt", "content": "good\n"}}
    turns = [{"calls": calls}, {"calls": [write]}, {"answer": errand.DONE}]
    server = errand.serve({"when": {"agent": "execute"}, "turns": turns})
    subtask = errand.subtask("a", checks=["grep -q good a.txt", other_way])
    done = errand.run("run", "--plan", errand.plan_file(subtask), "--yes", server=server)

    assert done.code == 0, done.err
    assert server.unmatched == []
    denied, refused = (json.dumps(result) for result in server.requests[1].tool_results)
    assert "agentflow is not allowed" in denied
    assert "worker or a check of an agentflow run" in refused
    with errand.world.ledger() as ledger:
        assert len(ledger.runs()) == 1
