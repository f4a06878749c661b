"""Output schemas that the Messages API refuses."""

from __future__ import annotations

import httpx2
import pytest

from agentflow.replay.scenario import parse_scenario
from agentflow.replay.server import ThreadedReplay
from agentflow.replay.structured import refusal


def asking(**properties):
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "integer", "minimum": 1}, "For 'integer' type, property 'minimum' is not supported"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "For 'number' type, properties maximum, minimum are not"),
        ({"type": "number", "exclusiveMinimum": 0}, "'exclusiveMinimum'"),
        ({"type": "string", "minLength": 1}, "'minLength'"),
        ({"type": "string", "format": "path"}, "format 'path'"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "'maxItems'"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "other than 0 or 1"),
        ({"type": "array", "items": {"type": "integer", "minimum": 1}}, "'minimum'"),
        ({"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]}, "'maximum'"),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, "'oneOf'"),
        ({"type": "object", "properties": {}}, "must be explicitly set to false"),
        ({"type": "object", "properties": {}, "additionalProperties": True}, "must be explicitly set to false"),
        ({"enum": ["a", {"b": 1}]}, "enums"),
        ({"$ref": "https://example.org/schema.json"}, "External $ref"),
        (True, "must be an object"),
    ],
)
def test_a_schema_the_api_cannot_keep_is_refused(node, words):
    assert words in (refusal(asking(field=node)) or "")


@pytest.mark.parametrize(
    "node",
    [
        {"type": "integer", "description": "At least 1.", "default": 1},
        {"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 1},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"enum": ["a", "b", None]},
        {"type": "object", "properties": {"minimum": {"type": "number"}}, "additionalProperties": False},
    ],
)
def test_a_schema_the_api_can_keep_is_not(node):
    assert refusal(asking(field=node)) is None


@pytest.mark.parametrize("body", [{}, {"output_config": {"effort": "low"}}, {"output_config": None}])
def test_a_request_without_a_schema_has_nothing_to_refuse(body):
    assert refusal(body) is None


def test_the_server_refuses_and_remembers_the_request_as_unanswered(body):
    scenario = parse_scenario("name: test\nrules:\n  - {turns: [{answer: {line: 1}}]}\n")
    with ThreadedReplay(scenario) as server:
        refused, taken = (
            httpx2.post(f"{server.base_url}/v1/messages", json=body(**asking(line=node)))
            for node in ({"type": "integer", "minimum": 1}, {"type": "integer"})
        )
        unmatched = list(server.unmatched)
    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert "'minimum' is not supported" in refused.json()["error"]["message"]
    assert len(unmatched) == 1
    assert taken.status_code == 200
