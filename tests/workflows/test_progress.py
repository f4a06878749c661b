from __future__ import annotations

from itertools import product

import pytest

from agentflow.domain.attempts import Attempt, Outcome, SubtaskStatus
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.workflows.orders import Car, Merge, Order, Prior, Start, Train, TrainOrder
from agentflow.workflows.progress import Progress

HAIKU, SONNET, OPUS = Tier.HAIKU, Tier.SONNET, Tier.OPUS
MERGED, FAILED, SKIPPED, UNPROVEN = (SubtaskStatus(s) for s in ("merged", "failed", "skipped", "unproven"))


def subtask(name: str, *needs: str) -> Subtask:
    return Subtask(name, name, "Do it.", Kind.FIX, Complexity.SIMPLE, "execute", needs, ("**",), (), ())


def progress(*subtasks: Subtask, max_parallel: int = 4) -> Progress:
    plan = Plan("Do it.", (), subtasks)
    ladders = dict.fromkeys((s.id for s in subtasks), (HAIKU, SONNET, OPUS))
    return Progress.at("run", Start(plan, "base", max_parallel, ladders))


def ended(order: Order, outcome: Outcome = Outcome.CHECKS_FAILED, commit: str | None = "work") -> Attempt:
    return Attempt(
        subtask=order.subtask, n=order.n, tier=order.tier, model="m", outcome=outcome, rounds=1, reason="why",
        digest="digest", base=order.base, commit=commit, summary="", confidence=1.0, proven=True, checks=(),
        duration_s=1.0,
    )  # fmt: skip


def land(going: Progress, order: Order, status: SubtaskStatus = MERGED) -> Attempt:
    """The order's attempt passes and is merged."""
    passed = ended(order, Outcome.PASSED)
    going.advance(passed, Merge(f"head-{order.subtask}", merged=True), status)
    return passed


def names(orders: list[Order]) -> list[str]:
    return [order.name for order in orders]


def test_what_depends_on_nothing_starts_at_once_on_its_first_rung_from_the_base():
    orders = progress(subtask("a"), subtask("b", "a"), subtask("c")).next_orders(in_flight=0)
    assert orders == [Order("run", "a", 1, HAIKU, "base"), Order("run", "c", 1, HAIKU, "base")]


def test_a_subtask_is_ordered_once():
    going = progress(subtask("a"))
    assert names(going.next_orders(0)) == ["a/1"]
    assert going.next_orders(1) == []


@pytest.mark.parametrize(("in_flight", "started"), [(0, 2), (1, 1), (2, 0), (3, 0)])
def test_no_more_than_max_parallel_fly_at_once(in_flight, started):
    going = progress(subtask("a"), subtask("b"), subtask("c"), max_parallel=2)
    assert len(going.next_orders(in_flight)) == started


def test_what_had_to_wait_is_ordered_later_in_plan_order():
    going = progress(*map(subtask, "abc"), max_parallel=1)
    assert [names(going.next_orders(0)) for _ in range(4)] == [["a/1"], ["b/1"], ["c/1"], []]


def test_what_had_to_wait_starts_from_the_newest_head():
    going = progress(subtask("a"), subtask("b"), max_parallel=1)
    land(going, *going.next_orders(0))
    assert [order.base for order in going.next_orders(0)] == ["head-a"]


def test_all_that_waits_goes_by_one_train_in_the_order_in_which_it_passed():
    going = progress(*map(subtask, "abc"))
    a, b, c = (ended(order, Outcome.PASSED) for order in going.next_orders(0))
    assert going.next_train() is None
    going.passed += [b, a]
    assert going.next_train() == TrainOrder("run", 1, (b, a), "base")
    going.passed.append(c)
    assert going.next_train() is None
    landed = {name: Merge(f"head-{name}", merged=True) for name in "ba"}
    assert going.end_train(Train(landed)) == [(b, landed["b"]), (a, landed["a"])]
    for attempt in (b, a):
        going.advance(attempt, landed[attempt.subtask], MERGED)
    assert going.landed == [Car(b, "head-b"), Car(a, "head-a")]
    assert going.next_train() == TrainOrder("run", 2, (c,), "head-a")


def test_what_a_train_left_behind_goes_first_by_the_next_one():
    going = progress(*map(subtask, "abcd"))
    a, b, c, d = (ended(order, Outcome.PASSED) for order in going.next_orders(0))
    going.passed += [a, b, c]
    going.next_train()
    going.passed.append(d)
    red = Merge("head-a", merged=False, reason="red")
    assert [attempt for attempt, _ in going.end_train(Train({"a": Merge("head-a", merged=True), "b": red}))] == [a, b]
    going.advance(a, Merge("head-a", merged=True), MERGED)
    assert going.next_train() == TrainOrder("run", 2, (c, d), "head-a")


def test_a_dependant_starts_from_the_head_its_dependencies_left():
    going = progress(subtask("a"), subtask("b"), subtask("c", "a", "b"))
    a, b = going.next_orders(0)
    land(going, a)
    assert going.next_orders(1) == []
    land(going, b, UNPROVEN)
    assert going.merged == ["a", "b"]
    assert going.next_orders(0) == [Order("run", "c", 1, HAIKU, "head-b")]


def test_a_failed_attempt_climbs_rung_by_rung_with_what_it_leaves_behind():
    going = progress(subtask("a"))
    (first,) = going.next_orders(0)
    assert going.climb(ended(first))
    (second,) = going.next_orders(0)
    assert second == Order("run", "a", 2, SONNET, "base", Prior(HAIKU, "base", "work", "why", "digest"))
    assert going.climb(ended(second))
    (third,) = going.next_orders(0)
    assert (third.n, third.tier) == (3, OPUS)
    assert not going.climb(ended(third))
    assert going.next_orders(0) == []


def test_the_next_rung_starts_from_the_newest_head():
    going = progress(subtask("a"), subtask("b"))
    a, b = going.next_orders(0)
    land(going, b)
    going.climb(ended(a))
    assert [order.base for order in going.next_orders(0)] == ["head-b"]


def test_a_climbing_subtask_goes_before_one_that_has_not_begun():
    going = progress(subtask("a"), subtask("b"), subtask("c"), max_parallel=1)
    (a,) = going.next_orders(0)
    going.climb(ended(a))
    assert names(going.next_orders(0)) == ["a/2"]
    assert names(going.next_orders(0)) == ["b/1"]


def test_red_on_the_combination_is_tried_once_more_on_the_same_tier_and_then_higher():
    going = progress(subtask("a"))
    (first,) = going.next_orders(0)
    tiers = []
    order = first
    red = Merge("head", merged=False, reason="red together", digest="combined")
    while going.bounce(ended(order, Outcome.PASSED), red):
        (order,) = going.next_orders(0)
        tiers.append(order.tier)
        assert order.prior == Prior(tiers[-2] if len(tiers) > 1 else HAIKU, "base", "work", "red together", "combined")
    assert tiers == [HAIKU, SONNET, OPUS]


def test_what_landed_and_broke_a_promise_is_worked_on_again_on_top_of_its_own_work():
    going = progress(subtask("a"), subtask("b", "a"))
    done = land(going, *going.next_orders(0))
    land(going, *going.next_orders(0))
    breach = Merge("head-a", merged=False, reason="breaks what b promised", digest="red")
    assert going.reopen("a") == done
    assert going.bounce(done, breach)
    prior = Prior(HAIKU, "base", "work", "breaks what b promised", "red", landed=True)
    assert going.next_orders(0) == [Order("run", "a", 2, HAIKU, "head-b", prior)]
    assert going.merged == ["b"]


def test_giving_up_what_had_landed_leaves_what_was_built_on_it():
    going = progress(subtask("a"), subtask("b", "a"))
    land(going, *going.next_orders(0))
    land(going, *going.next_orders(0))
    going.reopen("a")
    assert going.give_up("a", FAILED) == ()
    assert going.status == {"a": FAILED, "b": MERGED}


def test_giving_up_skips_everything_that_needs_it_and_nothing_else():
    going = progress(subtask("a"), subtask("b", "a"), subtask("c", "b"), subtask("d"))
    going.next_orders(0)
    assert going.give_up("a", FAILED) == ("b", "c")
    assert going.status == {"a": FAILED, "b": SKIPPED, "c": SKIPPED, "d": SubtaskStatus.RUNNING}
    assert going.next_orders(1) == []


@pytest.mark.parametrize("fates", list(product([MERGED, FAILED], repeat=3)))
def test_whatever_happens_every_subtask_ends_in_one_final_state(fates):
    going = progress(subtask("a"), subtask("b", "a"), subtask("c"), max_parallel=1)
    chosen = dict(zip("abc", fates, strict=True))
    while orders := going.next_orders(0):
        for order in orders:
            if chosen[order.subtask] is MERGED:
                land(going, order)
            else:
                going.give_up(order.subtask, FAILED)
    lost = SKIPPED if chosen["a"] is FAILED else chosen["b"]
    assert going.status == {**chosen, "b": lost}
