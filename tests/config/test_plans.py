from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentflow.config.answers import schema_of
from agentflow.config.plans import ReplanAnswer, dump_plan, load_plan, plan_from, plan_schema
from agentflow.domain.codec import encode
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity
from agentflow.errors import UsageError

PLAN = """\
summary: Logins survive a restart.
assumptions: [Tokens are opaque.]
subtasks:
  - id: extract-token-store
    title: Extract the token store
    instructions: |
      Move the store out of the session.

      Keep its interface.
    kind: refactor
    complexity: medium
    agent: execute
    depends_on: []
    files: ["src/auth/**"]
    checks: ["pytest -q tests/auth"]
    acceptance: ["Logins survive a restart"]
"""

text = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t"))
several = st.lists(text, max_size=3).map(tuple)
subtasks = st.builds(
    Subtask,
    text,
    text,
    text,
    st.sampled_from(Kind),
    st.sampled_from(Complexity),
    text,
    several,
    several,
    several,
    several,
    several,
    several,
)
plans = st.builds(Plan, text, several, st.lists(subtasks, min_size=1, max_size=3).map(tuple))


def test_a_plan_file_becomes_a_plan(write):
    plan = load_plan(write("plan.yaml", PLAN))
    assert plan.subtasks[0].task_class == "refactor/medium"
    assert plan.subtasks[0].instructions == "Move the store out of the session.\n\nKeep its interface.\n"
    assert plan.subtasks[0].files == ("src/auth/**",)


def test_lists_that_are_left_out_are_empty():
    answer = {key: value for key, value in encode(plan_from(minimal())).items() if key != "subtasks"}
    assert answer == {"summary": "s", "assumptions": []}
    assert plan_from(minimal()).subtasks[0].checks == ()


def minimal() -> dict[str, object]:
    subtask = {
        "id": "a",
        "title": "t",
        "instructions": "i",
        "kind": "fix",
        "complexity": "simple",
        "agent": "execute",
        "files": ["a.py"],
    }
    return {"summary": "s", "subtasks": [subtask]}


def test_every_error_of_a_plan_is_listed_with_its_line(write):
    wrong = (
        PLAN.replace("kind: refactor", "kind: refactr")
        .replace("agent: execute", "agnt: execute")
        .replace('["src/auth/**"]', "src")
    )
    path = write("plan.yaml", wrong)
    with pytest.raises(UsageError) as caught:
        load_plan(path)
    assert caught.value.message.splitlines() == [
        f"{path}:10: subtasks[0].kind: 'refactr' is not one of implement, fix, refactor, test, docs; did you mean 'refactor'?",
        f"{path}:4: subtasks[0].agent: is required",
        f"{path}:14: subtasks[0].files: should be a valid array",
        f"{path}:12: subtasks[0].agnt: unknown key; did you mean 'agent'?",
    ]


def test_errors_of_a_planners_answer_are_named_by_key_alone():
    with pytest.raises(UsageError) as caught:
        plan_from({"summary": 3, "subtasks": 4})
    assert [line.partition(":")[0] for line in caught.value.message.splitlines()] == ["summary", "subtasks"]


@pytest.mark.parametrize("answer", [None, [], "a plan", 3])
def test_an_answer_that_is_no_object_is_a_usage_error(answer: object):
    with pytest.raises(UsageError, match="a plan is an object"):
        plan_from(answer)


@pytest.mark.parametrize("bad", ["\0", "\x1b[31m", "\x9b"])
def test_control_characters_in_a_planners_text_are_refused(bad: str):
    answer = minimal() | {"summary": f"x{bad}"}
    with pytest.raises(UsageError, match="summary: holds the control character"):
        plan_from(answer)


def test_the_schema_is_one_self_contained_object():
    schema = plan_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert not {"$ref", "$defs", "oneOf", "anyOf"} & set(json.dumps(schema).replace('"', " ").split())
    subtask = schema["properties"]["subtasks"]["items"]
    assert subtask["properties"]["title"]["type"] == "string"
    assert subtask["additionalProperties"] is False


def test_every_field_of_the_schema_tells_the_planner_what_it_means():
    schema = plan_schema()
    fields = schema["properties"] | schema["properties"]["subtasks"]["items"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_the_schema_takes_a_valid_plan_and_refuses_a_wrong_one():
    validator = Draft202012Validator(plan_schema())
    assert validator.is_valid(minimal())
    assert not validator.is_valid(minimal() | {"more": 1})
    assert not validator.is_valid({"summary": "s"})


def test_a_dumped_plan_is_readable_and_explains_itself():
    dumped = dump_plan(plan_from({**minimal(), "summary": "Two\nlines"}))
    assert dumped.startswith("# A plan for `agentflow run --plan FILE`")
    assert "summary: |-\n  Two\n  lines\n" in dumped
    assert "    files:\n      - a.py\n" in dumped


@settings(deadline=None)
@given(plan=plans)
def test_any_plan_survives_the_round_trip_through_yaml(tmp_path_factory, plan: Plan):
    path = tmp_path_factory.mktemp("plan") / "plan.yaml"
    path.write_bytes(dump_plan(plan).encode())
    assert load_plan(path) == plan


@settings(deadline=None)
@given(plan=plans)
def test_any_plan_survives_the_round_trip_through_the_planners_answer(plan: Plan):
    assert plan_from(encode(plan)) == plan


def test_a_subtask_planned_anew_keeps_what_the_answer_leaves_open():
    (subtask,) = plan_from(minimal()).subtasks
    answer = ReplanAnswer(verdict="replanned", reason="r", files=("a.py", "NEWS.md"), depends_on=("log",))
    assert answer.applied(subtask) == replace(subtask, files=("a.py", "NEWS.md"), depends_on=("log",))
    assert ReplanAnswer(verdict="stands", reason="r").applied(subtask) == subtask


def test_the_schema_of_planning_anew_tells_the_planner_what_every_field_means():
    properties = schema_of(ReplanAnswer)["properties"]
    assert [name for name, field in properties.items() if not field.get("description")] == []
