"""An answer is found in whatever a model puts around it; what the schema refuses stays refused."""

from __future__ import annotations

import json

import pytest

from agentflow.models.outputs import readable

DONE = {"status": "done", "summary": 'all {good} "so"'}
TEXT = json.dumps(DONE)
SCHEMA = {
    "type": "object",
    "properties": {"status": {"enum": ["done", "blocked"]}, "summary": {"type": "string"}},
    "required": ["status", "summary"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "given",
    [
        DONE,
        TEXT,
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```",
        f"~~~json\n{json.dumps(DONE, indent=2)}\n~~~",
        f"Here it is:\n\n```json\n{TEXT}\n```\n\nGood luck!",
        f"I changed {{x}} and then: {TEXT} That is all.",
        f'First {{"status": "blocked", "summary": "no"}}, but now {TEXT}',
        [DONE],
        {"answer": DONE},
        {"output": {"result": [DONE]}},
        {"answer": TEXT},
        {"answer": f"```json\n{TEXT}\n```"},
        [f"```json\n{TEXT}\n```"],
        dict(enumerate(TEXT)) and {str(n): letter for n, letter in enumerate(TEXT)},
        {"0": DONE},
        {"input": [DONE]},
        json.dumps(TEXT),
    ],
    ids=lambda given: str(given)[:30],
)
def test_a_wrapped_answer_is_read(given):
    assert readable(given, SCHEMA) == DONE


LISTS = {"type": "object", "properties": {"found": {"type": "array"}}, "required": ["found"]}


@pytest.mark.parametrize(
    "text",
    [
        'First {"found": [1]} and then {"found": [2]}',
        '```json\n{"found": [1]}\n```\nOr:\n```json\n{"found": [2]}\n```',
        '{"found": [2, 1]} {"found": []}',
    ],
)
def test_of_several_answers_in_a_text_all_lists_count_where_they_may_be_joined(text):
    assert sorted(readable(text, LISTS, join=True)["found"]) == [1, 2]
    assert readable(text, LISTS) != readable(text, LISTS, join=True)


@pytest.mark.parametrize(
    "given",
    [
        None, 5, "", "I am done.", "{", "{" * 5000, [], {}, [DONE, DONE], {"a": DONE, "b": DONE},
        {"status": "maybe", "summary": ""}, {"status": "done", "summary": "", "more": 1}, '{"status": NaN}', "[" * 100_000,
        {"a": {"a": {"a": {"a": {"a": {"a": DONE}}}}}},
    ],
    ids=lambda given: str(given)[:30],
)  # fmt: skip
def test_what_holds_no_answer_gives_none(given):
    assert readable(given, SCHEMA) is None


@pytest.mark.parametrize("number", [1e308, 2**53, -(10**30), [[1e300]]])
def test_a_number_that_no_database_holds_is_refused_though_the_schema_takes_it(number):
    schema = {"type": "object", "properties": {"line": {"type": ["integer", "array"]}}}
    assert readable({"line": number}, schema) is None
    assert readable({"line": 7}, schema) == {"line": 7}
