"""Facts about an ending, and the failure they make."""

from __future__ import annotations

import pytest

from agentflow.domain.attempts import FailureKind, Outcome
from agentflow.models.failures import Ending, classify

QUALITY, TRANSPORT = FailureKind.QUALITY, FailureKind.TRANSPORT
LIMIT, ENVIRONMENT = FailureKind.LIMIT, FailureKind.ENVIRONMENT


@pytest.mark.parametrize(
    ("ending", "kind", "outcome"),
    [
        (Ending("", terminal="max_turns"), QUALITY, Outcome.LIMIT),
        (Ending("", terminal="max_budget"), LIMIT, Outcome.LIMIT),
        (Ending("", terminal="structured_output_retries"), QUALITY, Outcome.INVALID_OUTPUT),
        (Ending("", terminal="refusal"), QUALITY, Outcome.INVALID_OUTPUT),
        (Ending("overloaded", 529, "overloaded", retries=2), TRANSPORT, Outcome.TRANSPORT),
        (Ending("", 500), TRANSPORT, Outcome.TRANSPORT),
        (Ending("", 503), TRANSPORT, Outcome.TRANSPORT),
        (Ending("timeout", 408), TRANSPORT, Outcome.TRANSPORT),
        (Ending("Connection refused", None, "unknown", "api_error"), TRANSPORT, Outcome.TRANSPORT),
        (Ending("slow down", 429, "rate_limit", retries=2), TRANSPORT, Outcome.TRANSPORT),
        (Ending("slow down", 429, "rate_limit", retries=0), LIMIT, Outcome.LIMIT),
        (Ending("rejected", 429, "rate_limit", retries=2, resets_at=9.0), LIMIT, Outcome.LIMIT),
        (Ending("You've hit your limit · resets 5pm", None), LIMIT, Outcome.LIMIT),
        (Ending("", 402, "billing_error"), LIMIT, Outcome.LIMIT),
        (Ending("Credit balance is too low", 400), LIMIT, Outcome.LIMIT),
        (Ending("spending limit reached", 403), LIMIT, Outcome.LIMIT),
        (Ending("rejected", 429, "enforced_spend_limit_reached", retries=1), LIMIT, Outcome.LIMIT),
        (Ending("moved", 307), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("invalid x-api-key", 401), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("forbidden", 403), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("Not logged in · Please run /login", None, "authentication_failed"), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("no such model", 404, "model_not_found"), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("bad field", 400, "invalid_request"), ENVIRONMENT, Outcome.TRANSPORT),
        (Ending("prompt is too long: 1 > 0", 400, "invalid_request"), QUALITY, Outcome.INVALID_OUTPUT),
        (Ending("Output blocked by content filtering policy", 400, "invalid_request"), QUALITY, Outcome.INVALID_OUTPUT),
        (Ending("", 413), QUALITY, Outcome.INVALID_OUTPUT),
        (Ending("output token maximum", None, "max_output_tokens"), QUALITY, Outcome.INVALID_OUTPUT),
    ],
)
def test_each_ending_has_its_kind_and_outcome(ending, kind, outcome):
    failure = classify(ending)
    assert (failure.kind, failure.outcome) == (kind, outcome)
    assert failure.reason


def test_a_failure_keeps_the_status_and_the_reset_time():
    failure = classify(Ending("later", 429, resets_at=1_800_000_000.0))
    assert (failure.http_status, failure.resets_at) == (429, 1_800_000_000.0)


def test_a_reason_is_one_short_line():
    reason = classify(Ending("a\n" * 1000, 500)).reason
    assert "\n" not in reason
    assert len(reason) <= 300
