"""The small documents that need no run: each fits its committed schema, and the schema refuses what is wrong."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from agentflow.report.documents import schema

COMMANDS = {
    "agents-1": ("agents", "list", "--json"),
    "agent-1": ("agents", "show", "execute", "--json"),
    "config-1": ("config", "show", "--origin", "--json"),
    "dry-run-1": ("run", "tidy up", "--dry-run", "--json"),
    "review-dry-run-1": ("review", ".", "--dry-run", "--json"),
}


@pytest.fixture(params=sorted(COMMANDS))
def name(request):
    return request.param


@pytest.fixture
def document(world, name):
    ended = world.agentflow(world.repository({"a.py": "a = 1\n"}), *COMMANDS[name])
    assert ended.code == 0, ended.err
    return ended.json


def test_the_document_fits_its_schema_and_anything_else_does_not(name, document):
    validator = jsonschema.Draft202012Validator(schema(name))
    validator.check_schema(schema(name))
    validator.validate(document)

    for key in schema(name)["required"]:
        assert not validator.is_valid({k: v for k, v in document.items() if k != key}), f"without {key}"
        assert not validator.is_valid({**document, key: [3.5]}), f"with [3.5] as {key}"
    assert not validator.is_valid({**document, "stranger": 1})


def test_an_agent_with_an_unknown_tier_is_refused(world):
    shown = world.agentflow(world.folder, *COMMANDS["agent-1"]).json
    wrong = copy.deepcopy(shown)
    wrong["agent"]["tier"] = "gold"

    assert jsonschema.Draft202012Validator(schema("agent-1")).is_valid(shown)
    assert not jsonschema.Draft202012Validator(schema("agent-1")).is_valid(wrong)
