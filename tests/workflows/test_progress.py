from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from agentflow.domain.attempts import Attempt, Outcome, SubtaskStatus, Wall
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import Proof
from agentflow.domain.plans import Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity, Tier
from agentflow.workflows.orders import (
    Car,
    Merge,
    Met,
    Order,
    Prior,
    Replanned,
    Resumed,
    Start,
    Train,
    TrainOrder,
    Walled,
)
from agentflow.workflows.progress import MAX_WIDENINGS, Progress

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
        digest="digest", base=order.base, commit=commit, summary="", confidence=1.0, proof=Proof.PROVEN, checks=(),
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


def test_red_on_the_combination_is_tried_until_held_on_the_same_tier_and_then_higher():
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


def shop(planner=True):
    """`price` and `log` run at once; `later` needs `price`; `other` waits for a place."""
    scopes = {
        "price": ("price.py",),
        "log": ("CHANGELOG.md", "docs/**"),
        "later": ("later.py",),
        "other": ("other.py",),
    }
    needs = {"later": ("price",)}
    subtasks = [replace(subtask(name, *needs.get(name, ())), files=files) for name, files in scopes.items()]
    ladders = dict.fromkeys(scopes, (HAIKU, SONNET, OPUS))
    return Progress.at("run", Start(Plan("Shop.", (), tuple(subtasks)), "base", 2, ladders, planner=planner))


def walled(order: Order, *files: str, **wall) -> Attempt:
    met = Wall(files, **{"session": "s1", "room": order.room, **wall})
    return replace(ended(order, Outcome.BLOCKED), wall=met)


def test_a_wider_scope_lets_the_session_go_on_on_its_tier_from_its_own_base():
    going = shop()
    price, _ = going.next_orders(0)
    going.head = "moved-on"
    assert going.widen(walled(price, "NEWS.md", "price/__init__.py"))
    (again,) = going.next_orders(1)
    assert (again.name, again.tier, again.base, again.room) == ("price/2", HAIKU, "base", 1)
    assert again.resumed == Resumed("s1", 1)
    assert again.prior == Prior(HAIKU, "base", "work", "why", "digest")
    assert going.plan.subtask("price").files == ("price.py", "NEWS.md", "price/__init__.py")
    assert decode(Order, encode(again)) == again


@pytest.mark.parametrize(
    "wall",
    [
        {"files": ("CHANGELOG.md",)},
        {"files": ("docs/new.md",)},
        {"files": ("docs",)},
        {"files": ("NEWS.md", "other.py")},
        {"files": ("CLAUDE.md",), "reserved": ("CLAUDE.md",)},
        {"files": ("NEWS.md",), "session": None},
    ],
)
def test_what_another_subtask_may_change_meanwhile_or_an_agent_may_not_ask_for_widens_nothing(wall):
    going = shop()
    price, _ = going.next_orders(0)
    before = going.plan
    assert not going.widen(walled(price, *wall.pop("files"), **wall))
    assert going.plan == before
    assert names(going.next_orders(1)) == ["other/1"]


def test_the_files_of_what_comes_later_or_is_over_stand_in_nobodys_way():
    going = shop()
    price, _ = going.next_orders(0)
    assert going.widen(walled(price, "later.py"))
    going.advance(ended(Order("run", "log", 1, HAIKU, "base"), Outcome.PASSED), Merge("head", merged=True), MERGED)
    assert going.widen(walled(going.next_orders(0)[0], "CHANGELOG.md"))


def test_a_scope_is_widened_a_few_times_and_no_more():
    going = shop()
    order = going.next_orders(0)[0]
    for n in range(MAX_WIDENINGS):
        assert going.widen(walled(order, f"new-{n}.py"))
        (order,) = going.next_orders(1)
        assert order.room == 1
    assert not going.widen(walled(order, "one-more.py"))


def test_the_planner_is_asked_once_for_a_subtask_and_told_who_is_in_the_way():
    going = shop()
    price, _ = going.next_orders(0)
    met = walled(price, "CHANGELOG.md", "NEWS.md")
    assert going.ask_planner(met)
    assert going.next_walls() == [Walled("run", met, {"CHANGELOG.md": "log"}, (), ())]
    assert going.next_walls() == []
    assert not going.ask_planner(met)


def test_a_plan_that_a_person_brought_is_nobodys_to_ask_about():
    going = shop(planner=False)
    price, _ = going.next_orders(0)
    assert not going.ask_planner(walled(price, "CHANGELOG.md"))


def test_a_subtask_planned_anew_starts_again_on_its_tier_once_what_it_needs_is_merged():
    going = shop()
    price, _ = going.next_orders(0)
    going.climb(ended(price))
    (second,) = going.next_orders(1)
    met = walled(second, "CHANGELOG.md")
    anew = replace(going.plan.subtask("price"), files=("price.py", "CHANGELOG.md"), depends_on=("log",))
    assert going.take_up(Replanned(met, anew, "both"))
    assert names(going.next_orders(1)) == ["other/1"]
    going.advance(ended(Order("run", "log", 1, HAIKU, "base"), Outcome.PASSED), Merge("head", merged=True), MERGED)
    (again,) = going.next_orders(0)
    assert (again.name, again.tier, again.base, again.resumed) == ("price/3", SONNET, "head", None)
    assert again.prior == Prior(SONNET, "base", "work", "why", "digest")


def test_a_subtask_planned_anew_is_lost_with_what_it_needs():
    going = shop()
    price, _ = going.next_orders(0)
    anew = replace(going.plan.subtask("price"), depends_on=("log",))
    assert going.take_up(Replanned(walled(price, "CHANGELOG.md"), anew, "both"))
    assert going.give_up("log", FAILED) == ("price", "later")


def test_a_new_plan_in_a_circle_or_behind_what_is_lost_is_not_taken_up():
    going = shop()
    price, _ = going.next_orders(0)
    met, now = walled(price, "CHANGELOG.md"), going.plan.subtask("price")
    assert not going.take_up(Replanned(met, replace(now, depends_on=("later",)), "both"))
    going.give_up("log", FAILED)
    assert not going.take_up(Replanned(met, replace(now, depends_on=("log",)), "both"))
    assert not going.take_up(Replanned(met, None, "it stands", stands=True))
    assert going.plan.subtask("price") == now


def test_a_run_resumed_between_widening_and_redoing_decides_the_same_again():
    def decide():
        going = shop()
        price, log = going.next_orders(0)
        recorded = decode(Attempt, encode(walled(price, "NEWS.md")))  # as a replay reads it back
        widened = going.widen(recorded)
        second = going.widen(decode(Attempt, encode(walled(log, "NEWS.md"))))
        return widened, second, going.next_orders(0), going.plan

    assert decide() == decide()
    assert decide()[:2] == (True, False)


def test_what_others_moved_is_gone_on_from_where_it_is_now():
    going = progress(subtask("a"), subtask("b"))
    first, _ = going.next_orders(in_flight=0)
    land(going, first)
    assert going.end_train(Train({}, Met("theirs", {"head-a": "moved-a"}))) == []
    assert (going.head, [car.commit for car in going.landed]) == ("theirs", ["moved-a"])
