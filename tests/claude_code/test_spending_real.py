"""What sessions of the real CLI cost, by the ledger and by what the replay server has answered."""

from __future__ import annotations

import json
import signal
from collections import Counter

import pytest

from agentflow.domain.calls import CallKind
from agentflow.models.prices import PriceTable
from agentflow.models.usage import tokens_of

pytestmark = pytest.mark.cli

EVENTS = ("SessionStart", "SubagentStop", "Stop", "SessionEnd")


def usage(n, written=0):
    """Tokens that tell one answer from another."""
    lifetimes = {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0}
    cached = {"cache_read_input_tokens": 7000 + n, "cache_creation_input_tokens": written, "cache_creation": lifetimes}
    return {"input_tokens": 100 + n, "output_tokens": 1000 * n, **cached}


DELEGATION = {"description": "look", "prompt": "Find x", "model": "haiku"}
FOREGROUND = {**DELEGATION, "run_in_background": False}
READ = {"tool": "Read", "input": {"file_path": "{cwd}/a.txt"}}
TURNS = [
    [
        {"say": "I look.", "calls": [READ, {"tool": "Glob", "input": {"pattern": "*"}}], "usage": usage(1, 900)},
        {"say": "It says hello.", "usage": usage(2)},
    ],
    [
        {"thinking": "Hm.", "say": "So.", "calls": [{"tool": "Agent", "input": FOREGROUND}], "usage": usage(3, 5000)},
        {"say": "Done.", "usage": usage(4)},
    ],
    [
        {"calls": [{"tool": "Agent", "input": DELEGATION}], "usage": usage(6)},
        {"say": "It is under way.", "usage": usage(7)},
    ],
    [{"say": "Right.", "usage": usage(5)}],
    [{"say": "It came back.", "usage": usage(8)}],
]
WHEN = [
    {"headers": {"x-claude-code-agent-id": "."}},
    {"last": "delegate"},
    {"last": "background"},
    {"last": "more"},
    {"last": "^$"},  # news of a sub-agent in the background
]
RULES = [{"when": when, "times": "*", "turns": turns} for when, turns in zip(WHEN, TURNS, strict=True)]
HANGS = {"when": {"last": "hang"}, "times": "*", "turns": [{"say": "Wait.", "calls": [READ]}, {"fault": {"hang": 300}}]}


@pytest.fixture
def root(world, person):
    root = world.repository({"a.txt": "hello\n"})
    person.install(root, *EVENTS)
    return root


@pytest.fixture
def server(replay):
    return replay(json.dumps({"name": "team", "rules": [*RULES, HANGS]}))


@pytest.fixture
def booked(world):
    """Waits until the ledger knows so many requests, and gives its calls."""

    def calls(requests):
        def known():
            with world.ledger() as ledger:
                return ledger.calls_since(0)

        world.until(lambda: sum(call.requests for call in known()) >= requests)
        return known()

    return calls


def paid(server):
    """USD and requests by model of what the server has answered."""
    usd, requests = 0.0, Counter()
    for request in server.requests:
        rule, turn = (int(part.split("]")[0]) for part in request.answered_by.split("[")[1:])
        usd += PriceTable().price(request.model, tokens_of(TURNS[rule][turn]["usage"]))
        requests[request.model] += 1
    return usd, requests


def test_the_ledger_has_what_the_session_and_its_subagent_were_billed(world, person, root, server, booked):
    told = person.ask(root, "delegate", server, "--model", "opus")
    calls = booked(4)
    usd, requests = paid(server)

    assert server.unmatched == []
    assert {call.served_model: call.requests for call in calls} == requests
    assert sum(call.cost_usd for call in calls) == pytest.approx(usd, abs=1e-12)
    assert sum(call.cost_usd for call in calls) == pytest.approx(told[-1]["total_cost_usd"], abs=1e-9)
    assert [(call.agent, call.tier, call.kind, call.run_id) for call in sorted(calls, key=lambda call: call.agent)] == [
        ("general-purpose", "haiku", CallKind.INTERACTIVE, told[-1]["session_id"]),
        ("main", "opus", CallKind.INTERACTIVE, told[-1]["session_id"]),
    ]

    listed = world.agentflow(root, "runs", "list", "--json")
    assert listed.json["runs"] == []
    cost = world.agentflow(root, "cost", "--json", "--by", "agent").json
    assert cost["periods"][0]["total"]["cost_usd"] == pytest.approx(usd, abs=1e-9)


def test_a_subagent_in_the_background_is_booked_too(person, root, server, booked):
    person.ask(root, "background", server, "--model", "opus")
    calls = booked(5)

    assert server.unmatched == []
    assert sum(call.cost_usd for call in calls) == pytest.approx(paid(server)[0], abs=1e-12)


def test_what_a_resumed_or_forked_session_repeats_is_billed_once(person, root, server, booked):
    first = person.ask(root, "delegate", server, "--model", "opus")[-1]["session_id"]
    booked(4)
    person.ask(root, "more", server, "--resume", first)
    person.ask(root, "more", server, "--resume", first, "--fork-session")
    calls = booked(6)
    usd, requests = paid(server)

    assert sum(requests.values()) == sum(call.requests for call in calls) == 6
    assert sum(call.cost_usd for call in calls) == pytest.approx(usd, abs=1e-12)
    assert len({call.run_id for call in calls}) == 2


def test_a_killed_session_is_booked_when_the_next_one_starts(world, person, root, server, booked):
    process = person.start(root, "hang", server)
    transcripts = world.folder / "claude" / "projects"
    # The CLI writes its transcript a little later than it speaks.
    world.until(lambda: any('"assistant"' in path.read_text() for path in transcripts.rglob("*.jsonl")), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    person.ask(root, "more", server)
    calls = booked(2)

    assert sorted(call.requests for call in calls) == [1, 1]
    assert len({call.run_id for call in calls}) == 2
