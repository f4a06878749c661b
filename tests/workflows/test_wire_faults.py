"""Every fault of the wire, on both ways to a model: its class, its exit code, how often is asked, what is on the bill."""

from __future__ import annotations

import asyncio
import json
import math
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

import pytest

from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.tiers import Tier
from agentflow.errors import AgentflowError, EnvironmentError_, LimitReached, UpstreamError
from agentflow.models import asking
from agentflow.models.messages import MessagesRunner
from agentflow.models.session import Endpoint, SessionRequest
from agentflow.replay.scenario import Scenario
from agentflow.replay.server import ReplayServer
from agentflow.workflows.budget import Budget
from agentflow.workflows.sessions import SessionDesk

#: What a fault means: an answer all the same, a poor one, or why the run stops.
ANSWERED, POOR = "answered", "poor"
LIMIT, OUTAGE, PERMANENT = LimitReached, UpstreamError, EnvironmentError_
#: Claude Code takes a whole block for the answer where it has read it before the reset.
EITHER = "answered or an outage"

DONE = {"status": "done", "summary": "Übung 好 🎉 is done"}
SCHEMA = {
    "type": "object",
    "properties": {"status": {"enum": ["done"]}, "summary": {"type": "string"}},
    "required": ["status", "summary"],
    "additionalProperties": False,
}
HTML = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
WEB = {"content-type": "text/html; charset=UTF-8"}
EVENTS = {"content-type": "text/event-stream"}
START = 'event: message_start\ndata: {"type": "message_start", "message": {"id": "m", "role": "assistant"'
REJECTED = {"anthropic-ratelimit-unified-status": "rejected", "anthropic-ratelimit-unified-reset": "4000000000"}
ALLOWED = {**REJECTED, "anthropic-ratelimit-unified-status": "allowed_warning"}
RATES = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": "2040-01-01T00:00:00Z",
}
GROWTH = "This request would exceed your organization's rate limit acceleration; scale up usage more gradually"
SPENT = "You have reached your specified API usage limits. You will regain access on 2040-01-01 at 00:00 UTC."
CREDIT = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."


def at(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


#: A fault, what it means where it stays on the API's client, and on the real CLI, which shows neither headers nor types.
FAULTS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "429": ({"status": 429}, OUTAGE, OUTAGE),
    "429, wait 1 s": ({"status": 429, "headers": {"retry-after": "1"}}, OUTAGE, OUTAGE),
    "429, wait 1 s, by date": ({"status": 429, "headers": {"retry-after": at(1)}}, OUTAGE, OUTAGE),
    "429, wait an hour": ({"status": 429, "headers": {"retry-after": "3600"}}, LIMIT, LIMIT),
    "429, wait an hour, by date": ({"status": 429, "headers": {"retry-after": at(3600)}}, LIMIT, OUTAGE),
    "429, wait for ever": ({"status": 429, "headers": {"retry-after": "1e308"}}, LIMIT, OUTAGE),
    "429, wait nonsense": ({"status": 429, "headers": {"retry-after": "-soon"}}, OUTAGE, OUTAGE),
    "429, requests a minute": ({"status": 429, "headers": RATES}, OUTAGE, OUTAGE),
    "429, subscription used up": ({"status": 429, "headers": REJECTED}, LIMIT, OUTAGE),
    "429, subscription not used up": ({"status": 429, "headers": ALLOWED}, OUTAGE, OUTAGE),
    "429, too fast a growth": ({"status": 429, "message": GROWTH}, OUTAGE, OUTAGE),
    "429, spend limit": ({"status": 429, "message": SPENT}, LIMIT, LIMIT),
    "429, enforced spend limit": ({"status": 429, "type": "enforced_spend_limit_reached"}, LIMIT, OUTAGE),
    "400, spend limit": ({"status": 400, "message": SPENT}, LIMIT, LIMIT),
    "400, no credit": ({"status": 400, "message": CREDIT}, LIMIT, LIMIT),
    "402": ({"status": 402}, LIMIT, LIMIT),
    "400": ({"status": 400, "message": "max_tokens: must be positive"}, PERMANENT, PERMANENT),
    "400, too long": ({"status": 400, "message": "prompt is too long: 300000 tokens > 200000"}, POOR, POOR),
    "401": ({"status": 401, "message": "invalid x-api-key"}, PERMANENT, PERMANENT),
    "403": ({"status": 403}, PERMANENT, PERMANENT),
    "404, model": ({"status": 404, "message": "model: claude-nothing-9"}, PERMANENT, PERMANENT),
    "413": ({"status": 413}, POOR, POOR),
    "500": ({"status": 500}, OUTAGE, OUTAGE),
    "500, empty": ({"status": 500, "body": ""}, OUTAGE, OUTAGE),
    "502, HTML": ({"status": 502, "body": HTML, "headers": WEB}, OUTAGE, OUTAGE),
    "503, wait an hour": ({"status": 503, "headers": {"retry-after": "3600"}}, OUTAGE, OUTAGE),
    "504": ({"status": 504}, OUTAGE, OUTAGE),
    "520, HTML": ({"status": 520, "body": HTML, "headers": WEB}, OUTAGE, OUTAGE),
    "529": ({"status": 529, "message": "Overloaded"}, OUTAGE, OUTAGE),
    "redirect": ({"status": 307, "headers": {"location": "/v1/elsewhere"}}, PERMANENT, PERMANENT),
    "200, HTML": ({"body": HTML, "headers": WEB}, OUTAGE, OUTAGE),
    "200, empty": ({"body": ""}, OUTAGE, OUTAGE),
    "200, no gzip": ({"body": "no gzip at all", "headers": {"content-encoding": "gzip"}}, OUTAGE, OUTAGE),
    "overloaded in the stream": ({"sse_error": "overloaded_error"}, OUTAGE, OUTAGE),
    "api_error in the stream": ({"sse_error": "api_error", "where": "content_block_delta"}, OUTAGE, OUTAGE),
    "reset before headers": ({"drop": "connect"}, OUTAGE, OUTAGE),
    "reset after headers": ({"drop": "headers"}, OUTAGE, OUTAGE),
    "reset after message_start": ({"drop": "message_start"}, OUTAGE, OUTAGE),
    "reset in a block": ({"drop": "content_block_delta"}, OUTAGE, OUTAGE),
    "reset before message_delta": ({"drop": "content_block_stop"}, OUTAGE, EITHER),
    "reset after message_delta": ({"drop": "message_delta"}, OUTAGE, EITHER),
    "end in a block": ({"end": "content_block_delta"}, OUTAGE, OUTAGE),
    "end without message_stop": ({"end": "message_delta"}, OUTAGE, ANSWERED),
    "half an event": ({"body": START}, OUTAGE, OUTAGE),
    "bad JSON in an event": ({"body": START + "\n\n", "headers": EVENTS}, OUTAGE, OUTAGE),
    "no events": ({"body": "hello\nworld\n\n" * 3, "headers": EVENTS}, OUTAGE, OUTAGE),
    "pings only": ({"body": ': hi\n\nevent: ping\ndata: {"type": "ping"}\n\n', "headers": EVENTS}, OUTAGE, OUTAGE),
    "silence": ({"hang": 300}, OUTAGE, OUTAGE),
    "silence in a block": ({"hang": 300, "where": "content_block_delta"}, OUTAGE, OUTAGE),
}
PASSING = [name for name, (_, api, _) in FAULTS.items() if api is OUTAGE]
#: What a client has to bear: the answer is whole.
BORNE = {
    "CRLF": {"odd": "crlf"},
    "CR": {"odd": "cr"},
    "split characters": {"odd": "bytes"},
    "unknown events": {"odd": "strangers"},
    "message_stop twice": {"odd": "twice"},
    "100,000 pings": {"odd": "flood"},
    "a huge comment": {"odd": "huge"},
    "a slow drip": {"drip": 0.05},
}
#: Where nobody answers, or not so; the real CLI calls all of it a connection that failed.
ADDRESSES = {
    "http://127.0.0.1:9": OUTAGE,
    "http://nowhere.invalid": OUTAGE,
    "https://127.0.0.1:{port}": PERMANENT,
    "nonsense": PERMANENT,
}
#: One of each class on the real CLI; the others are breadth.
FEW = {"429, wait an hour", "502, HTML", "overloaded in the stream", "reset in a block", "pings only"}
FEW |= {"split characters", "https://127.0.0.1:{port}"}
#: Requests for one session: the client's two retries; Claude Code's, and what it tries without a stream or a feature.
MOST_API, MOST_CLI = 3, 6


def spread(names: Any) -> list[Any]:
    return [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in names]


@dataclass(frozen=True)
class Ended:
    """What came of a session, and how often the provider was asked."""

    came: Any
    why: str
    requests: int
    calls: list[Any]

    @property
    def booked(self) -> int:
        return sum(call.requests for call in self.calls)


class Wire:
    """A desk with a real runner behind it, and a server that plays one turn to whoever asks."""

    def __init__(self, ledger: Any, request: SessionRequest) -> None:
        self._ledger = ledger
        self._request = request

    def api(self, turn: dict[str, Any], *, tries: int = 3, timeout_s: float = 60.0, **changes: Any) -> Ended:
        """A judge's or reviewer's way; the answer comes as text."""
        agent = replace(self._request.agent, limits=Limits(max_turns=4, budget_usd=1.0, timeout_s=timeout_s))
        said = {"say": json.dumps(DONE, ensure_ascii=False), **turn}
        pauses = (0.0,) * (tries - 1)
        return asyncio.run(self._play(MessagesRunner, said, pauses, replace(self._request, agent=agent), **changes))

    def cli(self, turn: dict[str, Any], **changes: Any) -> Ended:
        """A worker's way, once; the answer comes by the tool for it."""
        from agentflow.models.claude_code import ClaudeCodeRunner

        request = replace(self._request, agent=replace(self._request.agent, tools=("Read",)))
        return asyncio.run(self._play(ClaudeCodeRunner, {"answer": DONE, **turn}, (), request, **changes))

    async def _play(
        self, kind: Any, turn: Any, pauses: Any, request: SessionRequest, address: str = "", login: Any = None
    ) -> Ended:
        scenario = Scenario.model_validate({"name": "wire", "rules": [{"times": "*", "turns": [turn]}]})
        async with ReplayServer(scenario) as server:
            base_url = address.format(port=server.base_url.rpartition(":")[2]) or server.base_url
            endpoint = Endpoint(base_url=base_url, api_key=None if login else "sk-ant-CANARY")
            runner = kind(endpoint, env=login)
            desk = SessionDesk(self._ledger, Budget(None, 0.0), lambda _: ("r", runner), lambda _: None)
            came, why = await _outcome(desk.run(request, "judge", pauses))
        return Ended(came, why, len(server.requests), list(self._ledger.calls("run-1")))


async def _outcome(session: Any) -> tuple[Any, str]:
    try:
        result = await session
    except AgentflowError as error:
        return type(error), f"{error.message} ({error.hint})"
    if result.failure:
        return POOR, result.failure.reason
    assert result.output == DONE
    return ANSWERED, ""


@pytest.fixture
def wire(ledger: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Wire:
    monkeypatch.setattr(asking, "PAUSES", (0.0, 0.0))
    agent = Agent("judge", "Judges.", Role.JUDGE, Tier.HAIKU, (Tier.HAIKU,), (), "Judge it.", Limits())
    label = Label("run-1", "first", "judge", Tier.HAIKU, 1)
    (tmp_path / "work").mkdir()
    places = {"cwd": tmp_path / "work", "private_dir": tmp_path / "private"}
    request = SessionRequest(label, CallKind.JUDGE, agent, "claude-haiku-5-5", "Go.", SCHEMA, **places, idle_s=5.0)
    return Wire(ledger, request)


def test_every_class_has_the_exit_code_that_the_readme_says():
    assert [kind.exit_code for kind in (LIMIT, OUTAGE, PERMANENT)] == [5, 6, 4]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_is_of_its_class_and_asked_about_no_more_than_that_needs(wire, name):
    fault, expected, _ = FAULTS[name]
    is_slow = "hang" in fault or "1 s" in name
    ended = wire.api({"fault": {**fault, "times": "*"}}, timeout_s=3.0 if is_slow else 60.0, tries=1 if is_slow else 3)

    assert ended.came == expected, ended.why
    assert not {"<", "\n"} & set(ended.why)
    assert expected is POOR or "agentflow resume" in ended.why
    assert ended.requests <= (3 * MOST_API if expected is OUTAGE else 1)
    assert [call.outcome for call in ended.calls] == ["limit" if expected is LIMIT else ended.calls[0].outcome] * len(
        ended.calls
    )
    begins = {fault.get("drop"), fault.get("end"), fault.get("where")} - {None, "connect", "headers"}
    assert ended.booked == (ended.requests if begins and "sse_error" not in fault else 0)


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_is_waited_out(wire, name):
    fault, _, _ = FAULTS[name]
    ended = wire.api({"fault": fault}, timeout_s=5.0 if "hang" in fault else 60.0)

    assert (ended.came, ended.requests) == (ANSWERED, 2)
    assert ended.calls[-1].outcome == "answered"


@pytest.mark.parametrize("name", BORNE)
def test_an_odd_answer_is_an_answer_and_paid_once(wire, name):
    ended = wire.api({"fault": BORNE[name]})
    assert (ended.came, ended.requests, ended.booked) == (ANSWERED, 1, 1)
    assert ended.calls[0].cost_usd > 0


@pytest.mark.parametrize(
    ("path", "usage"),
    [
        ("api", {"output_tokens": -5}),
        ("api", {"input_tokens": math.nan}),
        ("api", {"output_tokens": None}),
        pytest.param("cli", {"output_tokens": -5}, marks=[pytest.mark.cli, pytest.mark.long]),
        pytest.param("cli", {"output_tokens": None}, marks=[pytest.mark.cli, pytest.mark.long]),
    ],
)
def test_a_usage_that_cannot_be_is_unknown_and_never_free(wire, path, usage):
    ended = getattr(wire, path)({"usage": {"cache_creation_input_tokens": 0, **usage}})
    assert ended.came == ANSWERED
    assert ended.booked >= 1
    assert ended.calls[0].cost_usd is None or ended.calls[0].cost_usd > 0


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_where_nobody_answers(wire, address):
    ended = wire.api({}, address=address)
    assert (ended.came, ended.requests, ended.booked) == (ADDRESSES[address], 0, 0), ended.why
    assert len(ended.calls) == (3 if ended.came is OUTAGE else 1)


@pytest.mark.cli
@pytest.mark.parametrize("name", spread(FAULTS))
def test_a_fault_that_stays_is_of_its_class_on_the_real_cli_too(wire, name):
    fault, _, expected = FAULTS[name]
    ended = wire.cli({"fault": {**fault, "times": "*"}})
    assert ended.came in ({ANSWERED, OUTAGE} if expected is EITHER else {expected}), ended.why
    assert 1 <= ended.requests <= MOST_CLI
    assert len(ended.calls) == 1
    # An answer that had begun is on the bill, though it broke off.
    begins = {fault.get("end"), fault.get("where")} - {None, "connect", "headers"}
    assert ended.booked >= 1 if begins else ended.booked <= ended.requests


@pytest.mark.cli
@pytest.mark.parametrize("name", spread(BORNE))
def test_an_odd_answer_is_an_answer_on_the_real_cli_too(wire, name):
    ended = wire.cli({"fault": BORNE[name]})
    assert (ended.came, ended.booked) == (ANSWERED, 1), ended.why


@pytest.mark.cli
@pytest.mark.parametrize("address", spread(ADDRESSES))
def test_an_address_where_nobody_answers_on_the_real_cli_too(wire, address):
    ended = wire.cli({}, address=address)
    assert (ended.came, ended.requests, ended.booked) == (OUTAGE, 0, 0), ended.why


@pytest.mark.cli
@pytest.mark.long
def test_a_subscription_that_is_used_up_is_a_limit(wire, tmp_path):
    login = {"HOME": str(tmp_path), "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-CANARY"}
    fault = {"status": 429, "headers": REJECTED, "times": "*"}
    ended = wire.cli({"fault": fault}, login=login)
    assert ended.came is LIMIT, ended.why
    assert ended.requests <= MOST_CLI


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("429, wait an hour", 5),
        ("200, HTML", 6),
        pytest.param("redirect", 4, marks=pytest.mark.long),
        pytest.param("reset in a block", 6, marks=pytest.mark.long),
    ],
)
@pytest.mark.security("T20")
def test_a_review_stops_by_the_class_of_its_fault_and_a_resume_asks_the_rest(world, reviewing, name, code):
    root = reviewing.packs(2)
    down = {"when": {"subtask": "pack-2"}, "times": "*", "turns": [{"fault": {**FAULTS[name][0], "times": "*"}}]}
    probe = {**down, "when": {"subtask": "probe"}}
    server = reviewing.scene(reviewing.reports(subtask="pack-1"), down, probe)
    stopped = reviewing.review(root, "src", "--json", "--max-parallel", "1", replay=server)

    assert (stopped.code, stopped.json["status"]) == (code, "stopped"), stopped.err
    assert "agentflow resume" in stopped.err
    assert stopped.json["cost_usd"] > 0
    assert len(server.requests) <= 1 + 3 * MOST_API

    up = reviewing.scene(*reviewing.clean())
    resumed = world.agentflow(root, "resume", "--json", replay=up)
    assert (resumed.code, resumed.json["partial"]) == (0, False), resumed.err
    assert resumed.json["cost_usd"] > stopped.json["cost_usd"]
    assert [r.labels["subtask"] for r in up.requests if r.labels["agent"] == "reviewer"] == ["pack-2"]
