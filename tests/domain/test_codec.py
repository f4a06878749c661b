from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from agentflow.domain.attempts import Attempt, Outcome
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import CheckResult, Proof, TestOutcomes, brief
from agentflow.domain.text import printable
from agentflow.domain.tiers import Tier

CHECK = CheckResult("pytest -q", 1, 2.5, TestOutcomes(("t::a",), ("t::b",), ("t::c",)), ("t::d",), "tail")
ATTEMPT = Attempt(
    "s", 1, Tier.HAIKU, "m", Outcome.PASSED, 2, "why", "digest", "b", None, "did", 0.5, (CHECK,), 3.0, Proof.PROVEN
)


def test_nested_data_comes_back_as_it_was_after_json():
    assert decode(Attempt, json.loads(json.dumps(encode(ATTEMPT)))) == ATTEMPT


@pytest.mark.parametrize("wrong", [None, [], {"subtask": "s"}, {**encode(ATTEMPT), "tier": "gold"}])
def test_anything_else_is_refused(wrong):
    with pytest.raises(ValidationError):
        decode(Attempt, wrong)


def test_a_brief_result_counts_tests_and_knows_when_there_are_none():
    counts = {"command": "pytest -q", "exit_code": 1, "passed": 1, "failed": 1, "skipped": 1, "flaky": ["t::d"]}
    assert brief(CHECK) == counts
    assert brief(CheckResult("make", None, 1.0))["passed"] is None


def test_a_file_name_that_is_not_utf_8_is_written_out():
    name = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    assert printable(name) == "caf\\xe9.py"
    assert printable("café.py") == "café.py"
