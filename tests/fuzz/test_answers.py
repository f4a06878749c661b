"""What models answer, on its way into the domain."""

from __future__ import annotations

import json

import pytest
from hypothesis import strategies as st

from agentflow.config import answers, review_answers
from agentflow.config.answers import schema_of
from agentflow.config.plans import ReplanAnswer, plan_from
from agentflow.config.review_answers import FindingAnswer, GroupAnswer, ReviewAnswer
from agentflow.config.validation import StrictModel, validate
from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import Finding
from agentflow.domain.tiers import Tier
from agentflow.models.decoder import json_object
from agentflow.models.messages import _is_unreadable, _once_more, _read
from agentflow.models.outputs import readable
from agentflow.models.prices import PriceTable
from agentflow.models.session import SessionRequest
from agentflow.models.usage import request_of
from agentflow.review.grounding import ground
from agentflow.review.joining import Group, apply_groups, join_repeats, neighbours
from agentflow.review.source import Source

ANSWERS = {
    name: model
    for module in (answers, review_answers)
    for name, model in vars(module).items()
    if isinstance(model, type) and issubclass(model, StrictModel) and model is not StrictModel
}
CODE = ("def f(n):", "    return n / 0", "", "\tx = `1`", "    return n / 0")
SOURCES = {name: Source(name, CODE) for name in ("a.py", "src/b.py", "ü.py")}


@pytest.mark.parametrize("model", ANSWERS.values(), ids=ANSWERS)
def test_what_the_schema_accepts_the_model_accepts(fuzz, model):
    schema = schema_of(model)

    def read(data):
        if (answer := readable(data, schema)) is not None:
            encode(model.model_validate(answer))

    fuzz.hold(fuzz.near(schema) | fuzz.near(schema).map(_wrapped), read)


def test_findings_are_grounded_and_joined_and_kept(fuzz):
    near = fuzz.near(schema_of(FindingAnswer))
    close = st.fixed_dictionaries(
        {
            "file": st.sampled_from([*SOURCES, "./a.py", "b.py", "a.py:2", "gone.py"]),
            "line": st.integers(1, 9) | st.just(2**63),
            "end_line": st.none() | st.integers(1, 9),
            "evidence": st.sampled_from([*CODE, "\n".join(CODE[:2]), "```\nreturn n / 0\n```"]) | fuzz.text,
        }
    )
    mixed = st.builds(lambda one, other: {**one, **other} if isinstance(one, dict) else one, near, close)
    groups = st.lists(fuzz.near(schema_of(GroupAnswer)), max_size=3)

    def read(given):
        findings, grouped = given
        schema = schema_of(ReviewAnswer)
        answer = readable({"findings": findings}, schema)
        if answer is None:
            return
        found = [one.finding() for one in ReviewAnswer.model_validate(answer).findings]
        kept = ground(found, SOURCES).kept
        assert all(1 <= one.line <= one.last_line <= len(CODE) for one in kept)
        assert [decode(Finding, encode(one)) for one in kept] == list(kept)
        read_groups = filter(None, (readable(group, schema_of(GroupAnswer)) for group in grouped))
        sets = [GroupAnswer.model_validate(group) for group in read_groups]
        joined = [Group(one.members, one.severity, one.reason or "") for one in sets]
        candidates = apply_groups(join_repeats({"pack-1": kept}), joined, neighbours(SOURCES))
        assert len(candidates) <= len(kept)

    fuzz.hold(st.tuples(st.lists(mixed, max_size=4), groups), read)


def test_an_answer_of_the_messages_api(fuzz, tmp_path):
    schema = schema_of(answers.JudgeAnswer)
    limits = Limits(max_turns=1, budget_usd=1.0, timeout_s=60.0)
    agent = Agent("judge", "Judges.", Role.JUDGE, Tier.HAIKU, (Tier.HAIKU,), (), "Judge.", limits)
    label = Label("run-1", "first", "judge", Tier.HAIKU, 1)
    request = SessionRequest(label, CallKind.JUDGE, agent, "m", "Go.", schema, tmp_path, tmp_path)
    judged = fuzz.near(schema).map(_wrapped)
    block = st.fixed_dictionaries({"type": st.just("text") | fuzz.scalar, "text": judged | fuzz.scalar})
    count = st.integers(0, 10**6) | st.sampled_from([-1, 1e400, float("nan"), "7", None, 10**400]) | fuzz.tree
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    usage = st.fixed_dictionaries({}, optional=dict.fromkeys(names, count) | {"cache_creation": fuzz.tree})
    answer = st.fixed_dictionaries(
        {"content": st.lists(block | fuzz.tree, max_size=3) | fuzz.tree},
        optional={"usage": usage | fuzz.tree, "model": fuzz.scalar, "stop_reason": fuzz.scalar},
    )

    def read(data):
        given = json_object(json.dumps(data)) or {}
        output, failure = _read(given, request)
        assert (output is None) is (failure is not None)
        if failure and _is_unreadable(given):
            _once_more(given, failure.reason)
        told = given.get("usage")
        done = request_of(
            "claude-haiku-5-5", told if isinstance(told, dict) else {}, PriceTable().price, sent=9, said=9
        )
        assert done.counted_usd >= 0

    fuzz.hold(answer, read)


def test_a_plan_that_is_none_and_a_subtask_planned_anew(fuzz):
    fuzz.hold(fuzz.tree, plan_from)
    fuzz.hold(fuzz.near(schema_of(ReplanAnswer)), lambda data: validate(ReplanAnswer, data, ""))


def _wrapped(data: object) -> str:
    """As models give it: in a fence, with a word before and after."""
    return f"Sure.\n```json\n{json.dumps(data)}\n```\nDone {{."
