"""Sessions that are one request to the Messages API."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from agentflow.config import answers, review_answers
from agentflow.config.answers import JudgeAnswer, schema_of
from agentflow.config.validation import StrictModel
from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.errors import EnvironmentError_, UsageError
from agentflow.models.messages import MessagesRunner, needs_claude_code
from agentflow.models.session import Endpoint, RequestFinished
from agentflow.replay.scenario import Scenario
from agentflow.replay.server import ReplayServer

DONE = {"status": "done", "summary": "all good"}
ANSWERS = [
    model
    for module in (answers, review_answers)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, StrictModel) and model is not StrictModel
]
UNSUPPORTED = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "maxItems"}


def nodes(schema):
    """Every schema in a schema."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", []), schema.get("items")]
    for node in filter(None, inner):
        yield from nodes(node)


@pytest.fixture
def ask(session, with_agent):
    """Plays turns to a tool-less agent; gives the result, the progress and the requests on the wire."""

    def play(*turns, **changes):
        request = replace(with_agent(session, tools=()), **changes)
        scenario = Scenario.model_validate({"name": "messages", "rules": [{"times": "*", "turns": list(turns)}]})
        progress = []

        async def scene():
            async with ReplayServer(scenario) as server:
                runner = MessagesRunner(Endpoint(base_url=server.base_url, api_key="sk-ant-CANARY"))
                return await runner.run(request, progress.append), server.requests

        result, requests = asyncio.run(scene())
        return result, progress, requests

    return play


def test_the_answer_is_the_validated_output_with_its_price(ask):
    result, progress, _ = ask({"say": json.dumps(DONE)})
    assert (result.output, result.failure, result.session_id) == (DONE, None, None)
    (request,) = result.requests
    assert progress == [RequestFinished(request)]
    assert request.cost_usd > 0
    assert request.tokens.output > 0


def test_the_request_carries_labels_schema_and_a_cached_prompt(ask, session):
    _, _, (request,) = ask({"say": json.dumps(DONE)})
    assert request.labels["subtask"] == "fix-value"
    assert request.body["output_config"] == {"format": {"type": "json_schema", "schema": session.schema}}
    (prompt,) = request.body["system"]
    assert prompt == {"type": "text", "text": session.agent.prompt, "cache_control": {"type": "ephemeral"}}
    assert request.tools == ()
    assert request.opening_text == session.prompt


def test_shared_text_follows_the_prompt_and_ends_the_cached_prefix(ask, session):
    _, _, (request,) = ask({"say": json.dumps(DONE)}, shared="All code is Python 2.")
    prompt, shared = request.body["system"]
    assert prompt == {"type": "text", "text": session.agent.prompt}
    assert shared == {"type": "text", "text": "All code is Python 2.", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_every_schema_arrives_as_the_api_takes_it(ask, model):
    _, _, (request,) = ask({"say": "{}"}, schema=schema_of(model))
    sent = list(nodes(request.body["output_config"]["format"]["schema"]))
    assert request.answered_by
    assert not UNSUPPORTED & {key for node in sent for key in node}
    objects = [node for node in sent if node.get("type") == "object"]
    assert objects
    assert all(node["additionalProperties"] is False for node in objects)


def test_a_share_travels_as_its_twentieths_and_its_bounds_still_bind_the_answer(ask):
    schema = schema_of(JudgeAnswer)
    result, _, (request,) = ask({"say": '{"approve": true, "reason": "r", "confidence": 3}'}, schema=schema)
    sent = request.body["output_config"]["format"]["schema"]["properties"]["confidence"]
    assert (sent["enum"][0], sent["enum"][19], sent["enum"][-1], len(sent["enum"])) == (0, 0.95, 1, 21)
    assert "3 is greater than the maximum of 1" in result.failure.reason


def test_other_bounds_travel_as_words(ask):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    _, _, (request,) = ask({"say": '{"n": 1}'}, schema=schema)
    assert "minimum: 1" in request.body["output_config"]["format"]["schema"]["properties"]["n"]["description"]


def test_a_wider_schema_is_what_the_answer_is_held_to(ask):
    wider = {"type": "object", "properties": {"approve": {"type": "string"}}, "required": ["approve"]}
    result, _, (request,) = ask({"say": '{"approve": "yes"}'}, schema=schema_of(JudgeAnswer), accepts=wider)
    assert result.output == {"approve": "yes"}
    assert "reason" in request.body["output_config"]["format"]["schema"]["properties"]


@pytest.mark.parametrize(
    "turn",
    [
        {"say": "Sure, here you are."},
        {"say": json.dumps({"status": "maybe", "summary": ""})},
        {"say": "[]"},
        {"say": json.dumps(DONE), "stop_reason": "max_tokens"},
        {"say": "No.", "stop_reason": "refusal"},
    ],
)
def test_an_unusable_answer_is_a_quality_failure_and_still_billed(ask, turn):
    result, progress, _ = ask(turn)
    assert result.output is None
    assert (result.failure.kind, result.failure.outcome) == (FailureKind.QUALITY, Outcome.INVALID_OUTPUT)
    assert len(result.requests) == len(progress) > 0


def test_a_rate_limit_is_waited_out(ask):
    result, _, requests = ask({"fault": {"status": 429, "headers": {"retry-after": "0"}}, "say": json.dumps(DONE)})
    assert result.output == DONE
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 529}, FailureKind.TRANSPORT),
        ({"status": 429}, FailureKind.TRANSPORT),
        ({"status": 429, "message": "You have hit your monthly spend limit"}, FailureKind.LIMIT),
        ({"status": 400, "message": "Your credit balance is too low"}, FailureKind.LIMIT),
        ({"status": 401}, FailureKind.ENVIRONMENT),
        ({"status": 404}, FailureKind.ENVIRONMENT),
        ({"status": 400, "message": "prompt is too long: 300000 tokens"}, FailureKind.QUALITY),
        ({"drop": "connect"}, FailureKind.TRANSPORT),
    ],
)
def test_failures_are_told_apart(ask, fault, kind):
    result, _, _ = ask({"fault": {**fault, "times": "*"}})
    assert result.failure.kind is kind
    assert result.requests == ()


def test_a_failure_is_told_in_the_words_of_the_api(ask):
    result, _, _ = ask({"fault": {"status": 529, "message": "Overloaded", "times": "*"}})
    assert result.failure.reason == "HTTP 529: Overloaded"


def test_a_rate_limit_that_names_its_reset_is_a_limit_until_then(ask):
    headers = {"anthropic-ratelimit-unified-reset": "1800000000"}
    result, _, _ = ask({"fault": {"status": 429, "headers": headers, "times": "*"}})
    assert (result.failure.kind, result.failure.resets_at) == (FailureKind.LIMIT, 1_800_000_000.0)


def test_an_unknown_model_has_no_price(ask):
    result, _, _ = ask({"say": json.dumps(DONE)}, model="qwen:32b")
    assert [request.cost_usd for request in result.requests] == [None]


def test_an_invalid_schema_is_a_usage_error(ask):
    with pytest.raises(UsageError, match="schema"):
        ask({"say": "{}"}, schema={"type": 7})


@pytest.mark.parametrize("has_subscription", [False, True])
def test_without_a_key_or_token_it_is_an_environment_error(session, tmp_path, has_subscription):
    if has_subscription:
        (tmp_path / ".claude").mkdir()
        (tmp_path / ".claude" / ".credentials.json").write_text("{}")
    runner = MessagesRunner(env={"HOME": str(tmp_path)})
    with pytest.raises(EnvironmentError_):
        asyncio.run(runner.run(session, lambda _: None))


def test_agents_with_tools_need_claude_code(agent):
    assert needs_claude_code(agent)
    assert not needs_claude_code(replace(agent, tools=()))


@pytest.mark.parametrize(
    "say",
    [
        f"```json\n{json.dumps(DONE)}\n```",
        f"Sure: {json.dumps(DONE)} Done.",
        json.dumps([DONE]),
        json.dumps({"answer": DONE}),
    ],
)
def test_a_wrapped_answer_is_read_and_paid_once(ask, say):
    result, _, requests = ask({"say": say})
    assert (result.output, result.failure, len(requests)) == (DONE, None, 1)


def test_an_answer_without_json_is_asked_for_once_more_in_the_same_conversation(ask):
    result, progress, requests = ask({"say": "I am done."}, {"say": json.dumps(DONE)})
    assert (result.output, result.failure) == (DONE, None)
    assert len(result.requests) == len(progress) == len(requests) == 2
    assert [message["role"] for message in requests[1].body["messages"]] == ["user", "assistant", "user"]


GATEWAY = {"id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-5-5", "stop_reason": "end_turn"}


@pytest.mark.parametrize(
    "body",
    [
        {**GATEWAY, "content": [{"type": "text", "text": json.dumps(DONE)}], "usage": None},
        {**GATEWAY, "content": [{"type": "text", "text": json.dumps(DONE)}]},
        {**GATEWAY, "content": [{"type": "text", "text": json.dumps(DONE)}], "usage": {"input_tokens": "x"}},
        {**GATEWAY, "content": [{"type": "text", "text": json.dumps(DONE)}, {"type": "text"}, 5], "usage": []},
        {"content": [{"type": "text", "text": json.dumps(DONE)}]},
        {**GATEWAY, "content": None, "usage": {}},
        {**GATEWAY, "content": "text", "usage": {}},
        [GATEWAY],
        "hello",
        None,
    ],
    ids=lambda body: json.dumps(body)[-60:],
)
def test_a_gateway_may_answer_anything_and_its_missing_usage_is_unknown(session, with_agent, body):
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from agentflow.replay.hosting import Loopback

    async def answer(_):
        return JSONResponse(body)

    async def scene():
        loopback = Loopback(Starlette(routes=[Route("/v1/messages", answer, methods=["POST"])]), 0)
        async with loopback:
            runner = MessagesRunner(Endpoint(base_url=loopback.base_url, api_key="sk-ant-CANARY"))
            return await runner.run(with_agent(session, tools=()), lambda _: None)

    result = asyncio.run(scene())
    answers = isinstance(body, dict) and isinstance(body.get("content"), list)
    assert (result.output == DONE) is answers
    assert answers or result.failure.kind is FailureKind.QUALITY
    assert all(request.cost_usd is None and request.estimate_usd > 0 for request in result.requests)
