"""Limits: the run's own budget, an agent's allowance, and what the provider grants."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.cli

#: One answer for two cents on haiku; a session makes two.
TWO_CENTS = {"input_tokens": 5, "output_tokens": 39_999, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def dear(rule):
    """The rule with answers that cost."""
    return {**rule, "turns": [{**turn, "usage": TWO_CENTS} for turn in rule["turns"]]}


def outcomes(document) -> list[str]:
    return [f"{s['id']} {a['tier']} {a['outcome']}" for s in document["subtasks"] for a in s["attempts"]]


def test_a_budget_stops_parallel_subtasks_before_they_cross_it_and_a_higher_one_goes_on(errand):
    names = ("first", "second", "third")
    server = errand.serve(*(dear(errand.writes(name)) for name in names))

    stopped = errand.run("run", "--plan", errand.plan_file(*names), "--yes", "--budget", "0.10", server=server)

    assert (stopped.code, stopped.json["status"]) == (5, "stopped"), stopped.err
    assert stopped.json["cost_usd"] == pytest.approx(0.08)
    assert [outcome for outcome in outcomes(stopped.json) if "limit" in outcome] != []
    assert "agentflow resume --budget" in stopped.err

    resumed = errand.run("resume", "--budget", "1", server=server)

    assert (resumed.code, resumed.json["status"], resumed.json["budget_usd"]) == (0, "succeeded", 1.0), resumed.err
    assert resumed.json["cost_usd"] == pytest.approx(0.12)
    assert outcomes(resumed.json) == [f"{name} haiku passed" for name in names]
    assert [errand.asked(server, subtask=name) for name in names] == [2, 2, 2]
    assert server.unmatched == []


def test_a_session_that_would_cross_the_budget_is_stopped_before_it_does(errand):
    rule = errand.writes("first")
    read = {"calls": [{"tool": "Read", "input": {"file_path": "{cwd}/README.md"}}]}
    rule["turns"][1:1] = [read, read, read]
    server = errand.serve(dear(rule))

    stopped = errand.run("run", "--plan", errand.plan_file("first"), "--yes", "--budget", "0.05", server=server)

    assert (stopped.code, stopped.json["status"]) == (5, "stopped"), stopped.err
    assert stopped.json["cost_usd"] <= 0.05
    assert outcomes(stopped.json) == ["first haiku limit"]
    assert server.unmatched == []


@pytest.mark.parametrize("limits", [{"max_turns": 1}, {"max_turns": 9, "budget_usd": 0.01}])
def test_an_agent_that_uses_up_its_own_allowance_climbs(errand, limits):
    folder = errand.root / ".agentflow" / "agents"
    folder.mkdir(parents=True)
    thrifty = {"name": "thrifty", "description": "Has little to spend.", "role": "executor", "tier": "haiku"}
    more = {"ladder": ["haiku", "sonnet"], "tools": ["Read", "Write"], "limits": limits, "prompt": "Do it."}
    (folder / "thrifty.yaml").write_text(json.dumps({**thrifty, **more}))
    at_once = errand.writes("first", agent="thrifty", tier="sonnet")
    at_once["turns"] = [{**at_once["turns"][0], "answer": errand.DONE}]
    server = errand.serve(dear(errand.writes("first", agent="thrifty", tier="haiku")), at_once)

    ended = errand.run(
        "run", "--plan", errand.plan_file(errand.subtask("first", agent="thrifty")), "--yes", server=server
    )

    assert ended.code == 0, ended.err
    assert outcomes(ended.json) == ["first haiku limit", "first sonnet passed"]
    assert server.unmatched == []


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"status": 429, "headers": {"retry-after": "3600"}}, 5, "limit"),
        ({"status": 429, "message": "You have reached your specified API usage limits."}, 5, "limit"),
        ({"status": 400, "message": "Your credit balance is too low to access the Anthropic API."}, 5, "limit"),
        ({"status": 401, "type": "authentication_error", "message": "invalid x-api-key"}, 4, None),
    ],
)
def test_what_the_provider_does_not_grant_stops_the_run_at_once(errand, fault, code, status):
    server = errand.serve({"when": {}, "times": "*", "turns": [{"fault": {**fault, "times": "*"}}]})

    stopped = errand.run("run", "--plan", errand.plan_file("first"), "--yes", server=server)

    assert (stopped.code, stopped.json["status"]) == (code, "stopped"), stopped.err
    assert [attempt["outcome"] for attempt in stopped.json["subtasks"][0]["attempts"]] == ([status] if status else [])
    assert "hint: " in stopped.err
    (sessions,) = [usage["calls"] for usage in stopped.json["usage"]["by_tier"].values()]
    assert sessions == 1
    assert len(server.requests) <= 3  # Claude Code's own two retries of what it takes for a passing fault
    assert server.unmatched == []
