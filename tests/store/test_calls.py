from __future__ import annotations

import pytest

from agentflow.domain.calls import CallKind, Label, Request, Tokens
from agentflow.domain.tiers import Tier
from agentflow.store.calls import cost_of
from agentflow.store.records import Cost

LABEL = Label("run-1", "auth", "execute", Tier.HAIKU, 2)


@pytest.fixture
def call(ledger):
    return ledger.start_call(
        "run-1", LABEL, CallKind.EXECUTE, runner="claude_code", model="claude-haiku-5-5", task_class="fix/simple"
    )


def finish(ledger, call, **figures):
    defaults = {"session_id": "s", "cli_cost_usd": 0.5, "ttft_s": 0.2, "duration_s": 3.0, "outcome": "passed"}
    ledger.finish_call(call, **{**defaults, **figures})


def test_a_session_stands_in_the_ledger_before_its_first_answer(ledger, call):
    (row,) = ledger.calls("run-1")
    assert (row.id, row.requests, row.cost_usd, row.outcome, row.served_model) == (call, 0, 0.0, None, None)
    assert (row.subtask, row.attempt, row.agent, row.tier, row.kind) == ("auth", 2, "execute", Tier.HAIKU, "execute")
    assert (row.runner, row.requested_model, row.task_class) == ("claude_code", "claude-haiku-5-5", "fix/simple")


def test_requests_add_up_as_they_are_answered(ledger, call):
    ledger.add_request(call, Request("claude-haiku-5-5", Tokens(1, 2, 3, 4, 5), 0.001))
    ledger.add_request(call, Request("claude-haiku-5-5", Tokens(10, 20, 30, 40, 50), 0.002))
    (row,) = ledger.calls("run-1")
    assert (row.requests, row.tokens) == (2, Tokens(11, 22, 33, 44, 55))
    assert row.cost_usd == pytest.approx(0.003)
    assert row.outcome is None


def test_a_finished_session_keeps_its_figures(ledger, call):
    ledger.add_request(call, Request("claude-haiku-5-5", Tokens(1), 0.001))
    finish(ledger, call)
    (row,) = ledger.calls("run-1")
    assert (row.session_id, row.cli_cost_usd, row.ttft_s, row.duration_s, row.outcome) == ("s", 0.5, 0.2, 3.0, "passed")


def test_each_served_model_has_its_own_row(ledger, call):
    for model in ("claude-haiku-5-5", "claude-sonnet-5", "claude-haiku-5-5", "claude-sonnet-5"):
        ledger.add_request(call, Request(model, Tokens(1), 0.001))
    finish(ledger, call)
    first, second = ledger.calls("run-1")
    assert (first.served_model, first.requests, first.parent) == ("claude-haiku-5-5", 2, None)
    assert (second.served_model, second.requests, second.parent) == ("claude-sonnet-5", 2, call)
    assert second.requested_model == "claude-haiku-5-5"
    assert (second.session_id, second.outcome, second.subtask, second.attempt) == ("s", "passed", "auth", 2)
    assert (first.cli_cost_usd, second.cli_cost_usd) == (0.5, None)


def test_a_request_without_a_price_makes_no_zero(ledger, call):
    ledger.add_request(call, Request("house-model", Tokens(1), None))
    ledger.add_request(call, Request("house-model", Tokens(1), None))
    (row,) = ledger.calls("run-1")
    assert (row.cost_usd, row.requests) == (None, 2)
    assert ledger.run_cost("run-1") == Cost(0.0, 1)
    assert ledger.run_cost("run-1").known_usd is None


def test_a_model_that_loses_its_price_keeps_what_was_priced(ledger, call):
    ledger.add_request(call, Request("m", Tokens(1), 0.25))
    ledger.add_request(call, Request("m", Tokens(1), None))
    ledger.add_request(call, Request("m", Tokens(1), 0.25))
    assert [row.cost_usd for row in ledger.calls("run-1")] == [0.5, None]
    assert ledger.run_cost("run-1") == Cost(0.5, 1)


def test_the_cost_of_a_run_is_its_calls_and_no_others(ledger, call):
    other = ledger.start_call("run-2", LABEL, CallKind.PLAN, runner="r", model="m", task_class="-")
    ledger.add_request(call, Request("m", Tokens(1), 0.1))
    ledger.add_request(call, Request("n", Tokens(1), 0.2))
    ledger.add_request(other, Request("m", Tokens(1), 9.0))
    assert ledger.run_cost("run-1") == cost_of(ledger.calls("run-1")) == Cost(pytest.approx(0.3), 0)


@pytest.mark.parametrize(
    ("cost", "known"), [(Cost(0.0, 0), 0.0), (Cost(0.5, 0), 0.5), (Cost(0.5, 2), 0.5), (Cost(0.0, 1), None)]
)
def test_a_sum_is_unknown_only_when_nothing_in_it_has_a_price(cost, known):
    assert cost.known_usd == known


def test_what_ended_sessions_cost_is_known_for_the_next_estimate(ledger, call):
    def session(model, *prices, kind=CallKind.EXECUTE, ended=True):
        opened = ledger.start_call("run-2", LABEL, kind, runner="claude_code", model=model, task_class="fix/simple")
        for usd in prices:
            ledger.add_request(opened, Request(model, Tokens(1), usd))
        if ended:
            finish(ledger, opened)

    session("claude-haiku-5-5", 0.25, 0.25)
    session("claude-haiku-5-5", 0.125)
    session("claude-haiku-5-5", 1.0, ended=False)
    session("claude-haiku-5-5")
    session("claude-haiku-5-5", None)
    session("claude-haiku-5-5", 2.0, kind=CallKind.EXPLORE)
    session("claude-sonnet-5-5", 3.0)

    assert ledger.session_costs(CallKind.EXECUTE, "claude-haiku-5-5") == [0.125, 0.5]
    assert ledger.session_costs(CallKind.EXECUTE, "claude-haiku-5-5", limit=1) == [0.125]
