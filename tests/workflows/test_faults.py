"""What goes wrong around the model: each failure gets its own answer, and nothing that was done is lost."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from agentflow.domain.events import EventKind

pytestmark = pytest.mark.cli

ALONE = {
    "name": "alone",
    "description": "Has one rung only.",
    "role": "executor",
    "tier": "haiku",
    "ladder": ["haiku"],
    "tools": ["Read", "Write", "Bash(ls:*)"],
    "prompt": "Do it.",
}


def attempts(document) -> list[tuple[str, str, str]]:
    return [(s["id"], a["tier"], a["outcome"]) for s in document["subtasks"] for a in s["attempts"]]


def agent(errand, definition) -> None:
    folder = errand.root / ".agentflow" / "agents"
    folder.mkdir(parents=True)
    lines = (f"{key}: {value}" for key, value in definition.items())
    (folder / f"{definition['name']}.yaml").write_text("\n".join(lines))


def test_a_rate_limit_that_passes_is_waited_for_on_the_same_tier(world, errand):
    rule = errand.writes("first")
    rule["turns"][0] = {"fault": {"status": 429, "headers": {"retry-after": "1"}}, **rule["turns"][0]}
    server = errand.serve(rule)

    ended = errand.run("run", "--plan", errand.plan_file("first"), "--yes", server=server)

    assert ended.code == 0, ended.err
    assert attempts(ended.json) == [("first", "haiku", "passed")]
    retries = [event.data for event in world.events() if event.kind is EventKind.RETRYING]
    assert [data["status"] for data in retries] == [429]
    assert server.unmatched == []


@pytest.mark.long
def test_an_overloaded_provider_stops_the_run_and_a_healthy_one_finishes_it(world, errand):
    overloaded = {"when": {"subtask": "second"}, "turns": [{"fault": {"status": 529, "times": "*"}}], "times": "*"}
    down = errand.serve(errand.writes("first"), overloaded)

    stopped = errand.run("run", "--plan", errand.plan_file("first", "second"), "--yes", server=down)

    assert (stopped.code, stopped.json["status"]) == (6, "stopped"), stopped.err
    assert "agentflow resume" in stopped.err
    assert attempts(stopped.json) == [("first", "haiku", "passed"), ("second", "haiku", "transport")]
    assert world.processes() == {}

    up = errand.serve(errand.writes("second"))
    resumed = errand.run("resume", server=up)

    assert (resumed.code, resumed.json["status"]) == (0, "succeeded"), resumed.err
    assert attempts(resumed.json) == [("first", "haiku", "passed"), ("second", "haiku", "passed")]
    assert errand.asked(up, subtask="second") == len(up.requests) == 2
    assert (down.unmatched, up.unmatched) == ([], [])


@pytest.mark.long
def test_a_refused_connection_stops_the_planner_and_the_next_resume_plans(errand):
    stopped = errand.run("run", "Run errands", "--yes")
    assert (stopped.code, stopped.json["status"], stopped.json["subtasks"]) == (6, "stopped", []), stopped.err

    up = errand.serve(errand.plans("first"), errand.writes("first"))
    resumed = errand.run("resume", "--yes", server=up)

    assert (resumed.code, attempts(resumed.json)) == (0, [("first", "haiku", "passed")]), resumed.err
    assert errand.asked(up, agent="planner") == 1
    assert up.unmatched == []


@pytest.fixture
def without_sandbox(tmp_path) -> str:
    """A PATH with everything that this one has, but for socat, which a sandbox needs too."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("*"):
            if program.name != "socat" and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    return str(programs)


def test_with_the_sandbox_off_the_run_says_so_and_only_the_plans_checks_may_run(world, errand):
    rule = errand.writes("first")
    commands = ["touch elsewhere.txt", "grep -q good first.txt; touch elsewhere.txt", "grep -q good first.txt"]
    calls = [{"tool": "Bash", "input": {"command": command}} for command in commands]
    rule["turns"].insert(1, {"calls": calls, "usage": errand.USAGE})
    server = errand.serve(rule)

    ended = errand.run("run", "--plan", errand.plan_file("first"), "--yes", "--sandbox", "off", server=server)

    assert ended.code == 0, ended.err
    assert "checks and set-up run with your own rights" in ended.err
    assert "agents may run only the plan's checks" in ended.err
    denied = [event.data["argument"] for event in world.events() if event.kind is EventKind.DENIED]
    assert denied == commands[:2]
    results = [result for request in server.requests for result in request.tool_results]
    assert [bool(result.get("is_error")) for result in results if "is_error" in result].count(True) == 2
    assert server.unmatched == []


@pytest.mark.parametrize("asked_for", ["auto", "full"])
@pytest.mark.parametrize("command", [("run", "Run errands", "--yes"), ("plan", "Run errands")])
@pytest.mark.security("L6")
def test_where_no_sandbox_works_nothing_runs_unless_the_user_says_so(errand, without_sandbox, command, asked_for):
    ended = errand.run(*command, "--sandbox", asked_for, PATH=without_sandbox)
    assert (ended.code, ended.json["error"]["kind"]) == (4, "environment")
    assert "socat missing" in ended.json["error"]["message"]
    assert "install bubblewrap and socat" in ended.json["error"]["hint"]
    assert ("--sandbox off" in ended.json["error"]["hint"]) == (asked_for == "auto")


@pytest.mark.parametrize(("answer", "again"), [("once", 4), ("remember", 0)])
def test_on_a_terminal_it_is_asked_once_per_repository(world, errand, without_sandbox, answer, again):
    server = errand.serve(errand.plans("first"), errand.plans("first"))
    person, terminal = pty.openpty()
    process = world.start(errand.root, "plan", "Run errands", replay=server, stdin=terminal, PATH=without_sandbox)
    os.write(person, f"{answer}\n".encode())
    _, said = process.communicate(timeout=120)
    os.close(terminal)
    os.close(person)
    assert process.returncode == 0, said
    assert "no sandbox works here" in said
    assert errand.run("plan", "Run errands", server=server, PATH=without_sandbox).code == again


def test_a_setup_that_fails_stops_the_run_and_names_its_log(world, errand):
    server = errand.serve(errand.writes("first"))
    plan = errand.plan_file("first")

    ended = errand.run("run", "--plan", plan, "--yes", "--setup", "echo no compiler; exit 3", server=server)

    assert (ended.code, ended.json["status"]) == (4, "stopped")
    assert "exit status 3: no compiler" in ended.json["reason"]
    (log,) = (world.folder / "state" / "runs").glob("*/logs/setup-*.log")
    assert f"see {log}" in ended.err.replace("\n", "")
    assert log.read_text() == "no compiler\n"
    assert server.requests == []


def test_a_check_that_runs_out_of_time_fails_the_attempt_and_leaves_no_process(world, errand):
    agent(errand, ALONE)
    slow = errand.subtask("first", agent="alone", checks=["sleep 300 & sleep 300"])
    server = errand.serve(errand.writes("first", agent="alone"))
    server_plan = errand.plan_file(slow)

    ended = errand.run("run", "--plan", server_plan, "--yes", server=server, AGENTFLOW_CHECK_TIMEOUT_S="1")

    assert (ended.code, ended.json["status"]) == (1, "failed"), ended.err
    (attempt,) = ended.json["subtasks"][0]["attempts"]
    assert (attempt["outcome"], attempt["checks"][0]["exit_code"]) == ("checks_failed", None)
    assert world.processes() == {}
    assert server.unmatched == []
