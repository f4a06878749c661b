"""What goes wrong in a review: a reviewer that fails costs its pack, an outage stops the review, and a cap holds."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from agentflow.domain.calls import Tokens
from agentflow.models.prices import PriceTable

#: A reviewer that does not wait for long. A repository may have one: it only narrows.
HASTY = """\
name: reviewer
description: Reads, and gives up soon.
role: reviewer
tier: haiku
ladder: [haiku]
tools: []
limits: {max_turns: 4, budget_usd: 0.10, timeout_s: 4}
prompt: Review the code.
"""
#: The client is told to leave retries to agentflow: so requests at the server are sessions.
OVERLOADED = {"fault": {"status": 529, "times": "*", "headers": {"x-should-retry": "false"}}}


def says(agent: str, *turns: dict, times: int | str = 1, **when: object) -> dict:
    return {"when": {"agent": agent, **when}, "times": times, "turns": list(turns)}


def asked(server, **labels: str) -> int:
    return sum(labels.items() <= dict(request.labels).items() for request in server.requests)


def test_a_reviewer_that_fails_in_any_way_costs_its_pack_only(world, reviewing):
    root = reviewing.packs(8, **{".agentflow/agents/reviewer.yaml": HASTY})
    answer = json.dumps({"findings": [reviewing.finding(file="src/m3.py", title="A surrogate: S")]})
    server = reviewing.scene(
        reviewing.reports(reviewing.finding(file="src/m1.py"), subtask="pack-1"),
        says("reviewer", {"say": "I will not."}, {"say": '{"findings": [{}]}'}, subtask="pack-2", times=2),
        says("reviewer", {"say": answer.replace("0.9", "NaN").replace(": S", r": \ud800")}, subtask="pack-3"),
        says("reviewer", OVERLOADED, subtask="pack-4", times="*"),
        says("reviewer", {"fault": {"hang": 300}}, subtask="pack-5", times="*"),
        says("reviewer", {"say": "No.", "stop_reason": "refusal"}, subtask="pack-6", times="*"),
        says("reviewer", {"say": '{"fin', "stop_reason": "max_tokens"}, subtask="pack-7", times="*"),
        says("reviewer", {"say": "Let me think."}, subtask="pack-8", attempt="1"),
        reviewing.reports(reviewing.finding(file="src/m8.py"), subtask="pack-8"),
        reviewing.reports(times="*", subtask="probe"),
        reviewing.groups((1,), (2,), (3,)),
        reviewing.rules_on({1: "confirmed", 2: "confirmed", 3: "confirmed"}, times="*"),
    )
    saved = {name: world.folder / f"report.{name}" for name in ("sarif", "txt")}
    files = [option for file in saved.values() for option in ("--save", str(file))]
    ended = reviewing.review(root, "src", "--json", *files, replay=server)

    told = ended.json
    assert (ended.code, told["status"], told["partial"]) == (1, "failed", True), ended.err
    assert told["files_reviewed"] == ["src/m1.py", "src/m3.py", "src/m8.py"]
    reasons = {lost["file"]: lost["reason"] for lost in told["files_failed"]}
    assert list(reasons) == [f"src/m{n}.py" for n in (2, 4, 5, 6, 7)]
    words = ["neither a title nor a message", "HTTP 529", "no answer within 4 s", "refused", "longer than"]
    assert [word for word, reason in zip(words, reasons.values(), strict=True) if word not in reason] == []
    assert [asked(server, subtask=f"pack-{n}") for n in range(1, 9)] == [1, 4, 1, 2, 2, 2, 2, 2]
    again = [r.last_text for r in server.requests if (r.labels["subtask"], r.labels["attempt"]) == ("pack-2", "2")]
    assert "neither a title nor a message" in again[0]
    assert [(f["file"], f["verified"]) for f in told["findings"]] == [
        ("src/m1.py", "confirmed"),
        ("src/m3.py", "confirmed"),
        ("src/m8.py", "confirmed"),
    ]
    (invocation,) = json.loads(saved["sarif"].read_text())["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    text = saved["txt"].read_text()
    assert "partial: 5 files could not be reviewed" in text.splitlines()[:2]
    assert [file for file in reasons if f"✗ {file}: " not in text] == []


def test_a_pack_that_nobody_answers_is_given_up_alone_when_the_provider_answers_a_knock(reviewing):
    root = reviewing.packs(2)
    server = reviewing.scene(
        says("reviewer", OVERLOADED, subtask="pack-2", times="*"),
        reviewing.reports(subtask="pack-1"),
        reviewing.reports(subtask="probe"),
        *reviewing.clean()[1:],
    )
    ended = reviewing.review(root, "src", "--json", "--max-parallel", "1", replay=server)

    assert (ended.code, ended.json["files_failed"][0]["file"]) == (1, "src/m2.py"), ended.err
    assert [asked(server, subtask=name) for name in ("pack-1", "pack-2", "probe")] == [1, 2, 1]


@pytest.mark.long
def test_an_outage_in_the_middle_stops_the_review_and_the_resume_asks_whatever_was_not_answered(world, reviewing):
    root = reviewing.packs(4)
    down = reviewing.scene(reviewing.reports(subtask="pack-1"), says("reviewer", OVERLOADED, times="*"))
    stopped = reviewing.review(root, "src", "--json", replay=down)

    assert (stopped.code, stopped.json["status"]) == (6, "stopped"), stopped.err
    assert (stopped.json["files_reviewed"], stopped.json["files_failed"]) == ([], [])
    assert "agentflow resume" in stopped.err

    up = reviewing.scene(*reviewing.clean())
    resumed = world.agentflow(root, "resume", "--json", replay=up)
    assert (resumed.code, resumed.json["partial"], up.unmatched) == (0, False, []), resumed.err
    assert resumed.json["files_reviewed"] == [f"src/m{n}.py" for n in range(1, 5)]
    assert [asked(up, subtask=f"pack-{n}") for n in range(1, 5)] == [0, 1, 1, 1]


@pytest.mark.long
def test_whoever_cannot_be_reached_the_review_goes_on_from_there(world, reviewing):
    root = reviewing.packs(2)
    refused = world.agentflow(root, "review", "src")
    assert (refused.code, "no answer from 127.0.0.1: All connection attempts failed" in refused.err) == (6, True)
    assert refused.out.startswith("stopped: no answer from 127.0.0.1")
    assert "files reviewed" not in refused.out

    found = [reviewing.reports(reviewing.finding(file=f"src/m{n}.py"), subtask=f"pack-{n}") for n in (1, 2)]
    stages = [
        (6, {"reviewer": 2, "synthesizer": 3}, [*found, says("synthesizer", OVERLOADED, times="*")]),
        (6, {"synthesizer": 1, "verifier": 6}, [reviewing.groups((1,), (2,)), says("verifier", OVERLOADED, times="*")]),
        (1, {"verifier": 2}, [reviewing.rules_on({1: "confirmed", 2: "confirmed"}, "*")]),
    ]
    for code, requests, rules in stages:
        server = reviewing.scene(*rules)
        ended = world.agentflow(root, "resume", "--json", replay=server)
        assert (ended.code, server.unmatched) == (code, []), ended.err
        assert Counter(request.labels["agent"] for request in server.requests) == requests
    assert (ended.json["partial"], [f["verified"] for f in ended.json["findings"]]) == (False, ["confirmed"] * 2)


def test_findings_that_could_not_be_grouped_or_verified_are_told_as_such_and_count(reviewing):
    root = reviewing.packs(2)
    server = reviewing.scene(
        *[reviewing.reports(reviewing.finding(file=f"src/m{n}.py"), subtask=f"pack-{n}") for n in (1, 2)],
        says("synthesizer", {"say": "Hm."}, times="*"),
        says("verifier", {"say": "Hm."}, times="*"),
    )
    ended = reviewing.review(root, "src", "--json", replay=server)

    told = ended.json
    assert (ended.code, told["partial"], told["failing"]) == (1, False, 2), ended.err
    assert [(f["file"], f["verified"]) for f in told["findings"]] == [
        ("src/m1.py", "unverified"),
        ("src/m2.py", "unverified"),
    ]
    assert [note for note in told["notes"] if "not grouped" in note or "not verified" in note] == told["notes"]
    assert asked(server, agent="synthesizer") == 4  # each session is asked once more for an answer that can be read
    assert [asked(server, agent="verifier", tier=tier) for tier in ("sonnet", "opus")] == [8, 8]


@pytest.mark.long
def test_a_budget_is_overshot_by_one_response_at_most_and_one_that_just_suffices_goes_on(world, reviewing):
    root = reviewing.packs(5)
    usage = {"input_tokens": 1000, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    dear = {"answer": {"findings": []}, "usage": {**usage, "output_tokens": 16_000}, "delay": 0.3}
    price = PriceTable().price("claude-haiku-5-5", Tokens(input=1000, output=16_000))
    server = reviewing.scene(says("reviewer", dear, times="*"), *reviewing.clean()[1:])
    stopped = reviewing.review(root, "src", "--json", "--budget", "0.01", replay=server)

    assert (stopped.code, stopped.json["status"]) == (5, "stopped"), stopped.err
    assert stopped.json["cost_usd"] == pytest.approx(price * len(server.requests))
    assert 0.01 <= stopped.json["cost_usd"] <= 0.01 + price

    resumed = world.agentflow(root, "resume", "--json", "--budget", "0.05", replay=server)
    assert (resumed.code, resumed.json["files_failed"], server.unmatched) == (0, [], []), resumed.err
    assert asked(server, agent="reviewer") == 5
    assert resumed.json["cost_usd"] <= 0.05
    usage = resumed.json["usage"]["by_kind"].values()
    assert resumed.json["cost_usd"] == pytest.approx(sum(kind["cost_usd"] for kind in usage))
