from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.domain.calls import CallKind, Tokens
from agentflow.domain.tiers import Tier
from agentflow.report.bill import grouped, table, usage_of
from agentflow.store.records import CallRecord, Cost


def a_call(tier: Tier, usd: float | None, kind: CallKind = CallKind.EXECUTE) -> CallRecord:
    return CallRecord(
        id=1, run_id="run-1", parent=None, subtask="-", attempt=1, agent="a", kind=kind, tier=tier, runner="r",
        requested_model="m", served_model="m", session_id=None, requests=1, tokens=Tokens(1, 2, 3, 4, 5), cost_usd=usd,
        cli_cost_usd=None, ttft_s=None, duration_s=None, task_class="fix/simple", outcome=None, started_at=1.0,
    )  # fmt: skip


def by_tier(calls):
    return grouped(calls, lambda call: call.tier.value, [tier.value for tier in Tier])


def test_usage_adds_up():
    usage = usage_of([a_call(Tier.HAIKU, 0.25), a_call(Tier.OPUS, 0.5), a_call(Tier.LOCAL, None)])
    assert (usage.calls, usage.tokens, usage.cost) == (3, Tokens(3, 6, 9, 12, 15), Cost(0.75, 1))


def test_groups_come_in_the_given_order_and_only_when_used():
    groups = by_tier([a_call(Tier.OPUS, 0.5), a_call(Tier.HAIKU, 0.25), a_call(Tier.OPUS, 0.5)])
    assert {name: usage.calls for name, usage in groups.items()} == {"haiku": 1, "opus": 2}
    assert list(groups) == ["haiku", "opus"]


def test_the_table_is_readable():
    calls = [a_call(Tier.LOCAL, None), a_call(Tier.HAIKU, 0.25), a_call(Tier.OPUS, 0.5)]
    assert table("tier", by_tier(calls), usage_of(calls)) == [
        "tier   calls  input  output  cached                  cost",
        "local      1      1       2      12              unpriced",
        "haiku      1      1       2      12               $0.2500",
        "opus       1      1       2      12               $0.5000",
        "total      3      3       6      36  $0.7500 + 1 unpriced",
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Tier), st.floats(0, 5)), min_size=1, max_size=30))
def test_the_printed_rows_add_up_to_the_printed_total(spending):
    calls = [a_call(tier, usd) for tier, usd in spending]
    printed = [float(re.findall(r"\$([\d.]+)", line)[0]) for line in table("tier", by_tier(calls), usage_of(calls))[1:]]
    assert sum(printed[:-1]) == pytest.approx(printed[-1], abs=1e-9)
    assert f"{printed[-1]:.4f}" == f"{usage_of(calls).cost.usd:.4f}"
