"""An attacker in a run, on the real CLI: what its tools, shell, checks and set-up reach outside, at every setting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from agentflow.checks.sandbox import bubblewrap_works

pytestmark = pytest.mark.cli

needs_sandbox = pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here")
#: Rows of the table in SECURITY.md, "Limits, as documented", by number.
PLAIN_SIGHT, NETWORK, REMOTE_LOGIN = "L2", "L3", "L4"
#: What a sandbox documents as possible, by what tries are after: the row, and where.
IN_A_SANDBOX = {
    "plain-sight": (PLAIN_SIGHT, ("setup", "shell", "check")),
    "network": (NETWORK, ("setup",)),
    "remote": (REMOTE_LOGIN, ("shell",)),
}
#: Claude Code's sandbox lets no socket be made at all.
HELD_ALL_THE_SAME = {("shell", "socket-outside-home")}
#: What depends on the machine and who uses it, so that the user may not be able to do it either.
UNSURE = {"machine", "kernel"}
#: These may not reach the user's own checks: what started them ends their process group.
SHORT_LIVED = {"background", "by-descriptors"}


@dataclass(frozen=True)
class Raid:
    """A run whose worker, checks and set-up made all tries; `said` is all that they told."""

    ended: Any
    said: list[str]
    texts: list[str]


@pytest.fixture
def raid(world, errand, host):
    def make(sandbox: str) -> Raid:
        works = errand.writes("armed")
        bash = {"tool": "Bash", "input": {"command": "python attacker.py", "timeout": 300000}}
        works["turns"][1:1] = [{"calls": [bash]}, {"calls": host.calls()}]
        server = errand.serve(works)
        checks = ["python attacker.py", "grep -q good armed.txt"]
        plan = errand.plan_file(errand.subtask("armed", files=["**"], checks=checks))
        setup = ("--setup", "sh -c 'python3 attacker.py setup'")
        ended = world.agentflow(
            errand.root, "run", "--plan", plan, "--yes", "--json", "--sandbox", sandbox, *setup, replay=server
        )
        assert server.unmatched == [], ended.err
        asked = [json.dumps(request.body) for request in server.requests]
        logs = [path.read_text(errors="replace") for path in (world.folder / "state/runs").glob("20*/**/*.log")]
        return Raid(ended, list(dict.fromkeys([*logs, *asked])), [*logs, *asked, ended.out, ended.err])

    return make


def in_a_sandbox(host) -> set[tuple[str, str]]:
    found = {(place, n) for n, group in host.groups.items() for place in IN_A_SANDBOX.get(group, ("", ()))[1]}
    return found - HELD_ALL_THE_SAME


@needs_sandbox
@pytest.mark.security("T1", "T2", "T4", "L2", "L3", "L4", "L16")
@pytest.mark.parametrize("sandbox", ["auto", pytest.param("full", marks=pytest.mark.long)])
def test_in_a_sandbox_nothing_outside_is_reached_but_what_is_documented(host, raid, sandbox):
    made = raid(sandbox)
    assert (made.ended.code, made.ended.json["status"]) == (0, "succeeded"), made.ended.err
    effects = host.effects(*made.said)
    documented = in_a_sandbox(host)
    assert effects == documented if host.lies_in_the_open else effects <= documented
    assert host.made(*made.said) == {(place, name) for place in ("setup", "shell", "check") for name in host.tries}
    assert host.strange_changes() == []
    assert host.leaked(*made.texts) == []
    assert host.is_whole()


@pytest.mark.long
@pytest.mark.security("L1", "L10")
def test_without_a_sandbox_set_up_can_do_what_the_user_can_and_the_run_stops_with_a_word(host, raid):
    """It runs first. What it did to the git directory stops the run before an agent or a check can do the same."""
    made = raid("off")
    assert made.ended.code == 4, made.ended.err
    assert "changed while set-up ran without a sandbox" in made.ended.err
    effects = host.effects(*made.said)
    host.clean()
    control = host.by_the_user()
    able = {name for place, name in control if place == "control"}
    dull = {name for name, group in host.groups.items() if name not in able and group not in UNSURE}
    assert dull <= SHORT_LIVED, "tries that have no effect at all test nothing"
    expected = {name for name in able if host.groups[name] != "environment"}
    assert {name for where, name in effects if where == "setup"} - SHORT_LIVED == expected - SHORT_LIVED
    assert {place for place, _ in effects} == {"setup"}
    assert host.leaked(*made.texts) == []
