from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import LimitReached
from agentflow.workflows.budget import Budget


def test_without_a_cap_everybody_gets_what_they_want():
    async def story():
        budget = Budget(None, spent=100.0)
        shares = [await budget.reserve(5.0, 1.0) for _ in range(3)]
        await budget.settle(5.0, 7.0)
        return shares

    assert asyncio.run(story()) == [5.0, 5.0, 5.0]


def test_what_parallel_sessions_set_aside_never_exceeds_the_cap():
    async def story():
        budget = Budget(1.0, spent=0.25)
        return [await budget.reserve(0.5, 0.1), await budget.reserve(0.5, 0.1)]

    assert asyncio.run(story()) == [0.5, 0.25]


def test_a_session_waits_for_what_another_spares():
    async def story():
        budget = Budget(1.0, spent=0.0)
        share = await budget.reserve(1.0, 0.1)
        waiting = asyncio.create_task(budget.reserve(0.5, 0.1))
        await asyncio.sleep(0)
        assert not waiting.done()
        await budget.settle(share, 0.25)
        return await waiting

    assert asyncio.run(story()) == 0.5


def test_sessions_that_wait_are_refused_when_nothing_is_spared():
    async def story():
        budget = Budget(1.0, spent=0.0)
        share = await budget.reserve(1.0, 0.1)
        waiting = [asyncio.create_task(budget.reserve(0.5, 0.1)) for _ in range(2)]
        await asyncio.sleep(0)
        await budget.settle(share, 0.95)
        return await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(refusal) for refusal in asyncio.run(story())] == [LimitReached, LimitReached]


@pytest.mark.parametrize(("spent", "least"), [(1.0, 0.0), (0.95, 0.1), (2.0, 0.1)])
def test_nothing_starts_that_the_rest_of_the_budget_cannot_pay(spent, least):
    with pytest.raises(LimitReached, match=r"the budget of \$1\.00 is reached") as refused:
        asyncio.run(Budget(1.0, spent).reserve(0.5, least))
    assert "agentflow resume --budget" in (refused.value.hint or "")


def test_what_a_session_spent_beyond_its_share_counts():
    async def story():
        budget = Budget(1.0, spent=0.0)
        await budget.settle(await budget.reserve(0.5, 0.1), 0.8)
        return await budget.reserve(0.5, 0.1)

    assert asyncio.run(story()) == pytest.approx(0.2)


def test_a_session_leaves_a_part_to_the_sessions_it_may_start():
    async def story():
        budget = Budget(1.0, spent=0.0)
        return [await budget.reserve(5.0, 0.1, spare=0.25), await budget.reserve(5.0, 0.1, nested=True)]

    assert asyncio.run(story()) == [0.75, 0.25]


def test_a_nested_session_is_refused_instead_of_waiting_for_the_one_that_waits_for_it():
    async def story():
        budget = Budget(1.0, spent=0.0)
        await budget.reserve(1.0, 0.1)
        with pytest.raises(LimitReached):
            await asyncio.wait_for(budget.reserve(0.5, 0.1, nested=True), timeout=5)

    asyncio.run(story())


def test_what_is_spared_never_makes_a_share_too_small_to_start():
    async def story():
        return await Budget(0.1, spent=0.0).reserve(1.0, 0.1, spare=0.25)

    assert asyncio.run(story()) == 0.1


def test_what_nothing_stops_half_way_runs_alone_where_the_rest_does_not_cover_it_wholly():
    async def story():
        budget = Budget(1.0, spent=0.0)
        first = await budget.reserve(0.6, 0.1, whole=True)
        waiting = [asyncio.create_task(budget.reserve(0.6, 0.1, whole=True)) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        await budget.settle(first, 0.5)
        await asyncio.sleep(0)
        alone, last = waiting
        assert (await alone, last.done()) == (0.5, False)
        await budget.settle(0.5, 0.6)
        return await asyncio.gather(last, return_exceptions=True)

    assert [type(refusal) for refusal in asyncio.run(story())] == [LimitReached]


def test_whoever_waits_for_the_last_one_is_refused_whatever_the_sums_were_rounded_to():
    async def story():
        budget = Budget(1.0, spent=0.0)
        shares = [await budget.reserve(wanted, 0.01) for wanted in (0.1, 0.2, 0.3)]
        waiting = asyncio.create_task(budget.reserve(0.9, 0.9))
        await asyncio.sleep(0)
        for share in shares:
            await budget.settle(share, 0.2)
        with pytest.raises(LimitReached):
            await asyncio.wait_for(waiting, timeout=5)

    asyncio.run(story())
