from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from agentflow.config.answers import AttemptAnswer, ExploreAnswer, JudgeAnswer, ResolveAnswer, schema_of

GOOD = {
    AttemptAnswer: {
        "status": "blocked",
        "summary": "s",
        "confidence": 0.5,
        "blocked_reason": "b",
        "needs_files": ["a.py"],
    },
    ExploreAnswer: {"answer": "a", "citations": [{"file": "a.py", "line": 3}], "confidence": 1},
    JudgeAnswer: {"approve": False, "reason": "r", "confidence": 0},
    ResolveAnswer: {"status": "resolved", "summary": "s"},
}
models = pytest.mark.parametrize("model", GOOD, ids=lambda model: model.__name__)


@models
def test_a_schema_is_one_object_that_takes_a_good_answer(model):
    schema = schema_of(model)
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert "$defs" not in schema
    assert Draft202012Validator(schema).is_valid(GOOD[model])
    assert model.model_validate_json(json.dumps(GOOD[model]), strict=True)


@models
def test_a_schema_refuses_answers_with_a_field_too_many_or_too_few(model):
    validator = Draft202012Validator(schema_of(model))
    assert not validator.is_valid(GOOD[model] | {"more": 1})
    for field in set(GOOD[model]) - {"blocked_reason", "needs_files"}:
        assert not validator.is_valid({key: value for key, value in GOOD[model].items() if key != field})


@models
def test_every_field_is_described(model):
    assert [name for name, field in schema_of(model)["properties"].items() if not field.get("description")] == []


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (AttemptAnswer, {"status": "finished"}),
        (AttemptAnswer, {"confidence": 1.1}),
        (ExploreAnswer, {"citations": [{"file": "a.py", "line": 0}]}),
        (ExploreAnswer, {"citations": ["a.py:3"]}),
        (JudgeAnswer, {"approve": "yes"}),
    ],
)
def test_values_out_of_range_are_refused(model, change):
    assert not Draft202012Validator(schema_of(model)).is_valid(GOOD[model] | change)
