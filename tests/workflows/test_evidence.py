"""What counts as proof: no check at all, a flaky one, and what set-up leaves lying around."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.cli

BARE = {"README": "Hello\n"}
NOTE = {"files": ["note.txt"], "checks": []}


def verdict(approve, reason):
    return {"answer": {"approve": approve, "reason": reason, "confidence": 0.9}}


@pytest.mark.long
def test_without_any_check_a_sure_agent_and_a_judge_one_tier_up_make_it_unproven(carry_out, script, world):
    told = carry_out(
        BARE,
        script.plan(script.subtask("note", **NOTE)),
        script.work("note", "haiku", script.write("note.txt", "Be kind.\n")),
        script.rule("judge", verdict(approve=True, reason="The note is there.")),
    )
    assert (told.code, told.statuses()) == (0, {"note": "unproven"})
    assert told.attempts("note") == [("haiku", "passed", 1)]
    (judged,) = told.asked(agent="judge")
    assert (judged.labels["tier"], judged.labels["subtask"]) == ("sonnet", "note")
    assert "+Be kind." in judged.last_text
    reason = "unproven: this repository has no check; judged: The note is there."
    assert told.subtask("note")["attempts"][0]["reason"] == reason
    assert told.subtask("note")["proof"] == "unproven"
    assert (
        world.git(told.root, "log", "-1", "--format=%(trailers:key=Agentflow-Proof,valueonly)", told.document["branch"])
        == "unproven"
    )
    assert "this repository has no check" in judged.last_text
    assert "unproven" in told.err
    assert told.document["usage"]["by_kind"]["judge"]["calls"] == 1


@pytest.mark.long
def test_a_judges_refusal_is_answered_in_the_fix_round_and_then_climbs(carry_out, script):
    told = carry_out(
        BARE,
        script.plan(script.subtask("note", **NOTE)),
        script.work("note", "haiku", script.write("note.txt", "Be rude.\n"), round=1),
        script.work("note", "haiku", script.edit("note.txt", "rude", "curt"), round=2),
        script.work("note", "sonnet", script.write("note.txt", "Be kind.\n")),
        script.rule("judge", verdict(approve=False, reason="It is not kind."), tier="sonnet", times=2),
        script.rule("judge", verdict(approve=True, reason="Kind."), tier="opus"),
    )
    assert (told.code, told.statuses()) == (0, {"note": "unproven"})
    assert told.attempts("note") == [("haiku", "checks_failed", 2), ("sonnet", "passed", 1)]
    mending = next(request for request in told.asked(agent="execute") if request.round == 2)
    assert "It is not kind." in mending.last_text
    assert "It is not kind." in told.asked(agent="execute", tier="sonnet")[0].last_text


@pytest.mark.long
def test_low_confidence_in_unproven_work_climbs_without_asking_a_judge_or_again(carry_out, script):
    told = carry_out(
        BARE,
        script.plan(script.subtask("note", **NOTE)),
        script.rule("execute", script.write("note.txt", "Be?\n"), script.done(confidence=0.89), tier="haiku"),
        script.rule("execute", script.write("note.txt", "Be kind.\n"), script.done(confidence=0.9), tier="sonnet"),
        script.rule("judge", verdict(approve=True, reason="Kind."), tier="opus"),
    )
    assert told.attempts("note") == [("haiku", "checks_failed", 1), ("sonnet", "passed", 1)]
    assert len(told.asked(agent="judge")) == 1
    assert "confidence is 0.89" in told.subtask("note")["attempts"][0]["reason"]


def test_a_test_that_failed_before_neither_blocks_nor_is_run_again(carry_out, script, world):
    world.env["AGENTFLOW_SANDBOX"] = "off"  # what the check counts is outside
    command = f"echo run >> ~/runs; {script.pytest('test_old.py')}"
    told = carry_out(
        {"test_old.py": "def test_broken(): assert 0\n\ndef test_fine(): pass\n"},
        script.plan(script.subtask("made", ["made.txt"], ["test -f made.txt"])),
        script.work("made", "haiku", script.write("made.txt", "x\n")),
        args=("--check", command),
    )
    assert (told.code, told.attempts("made")) == (0, [("haiku", "passed", 1)]), told.err
    assert "1 known failure: test_old.py::test_broken" in told.subtask("made")["attempts"][0]["reason"]
    in_baseline, after_the_change = 2, 1
    runs = Path(world.env["HOME"], "runs").read_text().splitlines()
    assert len(runs) == in_baseline + after_the_change


def test_a_flaky_test_passes_and_is_told_apart_from_a_steady_one(carry_out, script, world):
    world.env["AGENTFLOW_SANDBOX"] = "off"  # in the sandbox every run has a home of its own
    tests = (
        "import pathlib\n\ndef test_flaky():\n    seen = pathlib.Path.home() / 'seen'\n"
        "    first = not seen.exists()\n    seen.touch()\n    assert not first\n"
        "\ndef test_steady(): assert open('made.txt').read()\n"
    )
    command = script.pytest("test_it.py")
    told = carry_out(
        {"test_it.py": tests},
        script.plan(script.subtask("made", ["made.txt"], [command])),
        script.work("made", "haiku", script.write("made.txt", "x\n")),
        args=("--check", "true"),
    )
    assert (told.code, told.attempts("made")) == (0, [("haiku", "passed", 1)]), told.err
    (attempt,) = told.subtask("made")["attempts"]
    flaky = {check["command"]: check["flaky"] for check in attempt["checks"]}
    assert flaky == {command: ["test_it.py::test_flaky"], "true": []}
    assert "1 flaky: test_it.py::test_flaky" in attempt["reason"]


def test_set_up_runs_once_for_all_worktrees_and_what_it_and_checks_leave_is_nobodys_change(carry_out, script, world):
    told = carry_out(
        BARE,
        script.plan(
            script.subtask("made", ["made.txt"], ["test -f tools/ready && touch seen && grep -q good made.txt"])
        ),
        script.work("made", "haiku", script.write("made.txt", "bad\n"), round=1),
        script.work("made", "haiku", script.edit("made.txt", "bad", "good"), round=2),
        args=("--setup", "mkdir -p tools && touch tools/ready", "--check", "test -f tools/ready"),
    )
    assert (told.code, told.attempts("made")) == (0, [("haiku", "passed", 2)]), told.err
    assert world.git(told.root, "diff", "--name-only", "main", told.document["branch"]) == "made.txt"
    logs = Path(world.env["AGENTFLOW_STATE_DIR"], "runs", told.document["run_id"], "logs")
    assert sorted(path.name for path in logs.glob("setup-*")) == ["setup-proof-1.log"]


def test_a_set_up_that_fails_stops_the_run_with_its_last_words(world, script, scene, plan_file):
    root, server = world.repository(BARE), scene(script.rule("execute", script.done()))
    plan = plan_file(script.plan(script.subtask("note", **NOTE)))
    ended = world.agentflow(
        root, "run", "--plan", str(plan), "--yes", "--json", "--setup", "echo no compiler; exit 3", replay=server
    )
    assert (ended.code, server.requests, ended.json["status"]) == (4, [], "stopped")
    assert "ended with exit status 3: no compiler" in ended.json["reason"]
