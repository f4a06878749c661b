"""Whether the provider answers anybody: what tells one pack's bad luck from an outage."""

from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import UpstreamError
from agentflow.workflows.reviewing.workbench import Workbench


class Door:
    """Where a provider is knocked at."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.knocks = 0

    async def knock(self) -> None:
        self.knocks += 1
        await asyncio.sleep(0)
        if not self.is_open:
            raise UpstreamError("HTTP 529")


def test_an_answer_to_somebody_else_tells_without_a_knock():
    bench, door = Workbench(), Door(is_open=False)
    before = bench.answers
    bench.answered()
    assert asyncio.run(bench.is_reached(before, door.knock))
    assert door.knocks == 0


@pytest.mark.parametrize("is_open", [True, False])
def test_of_all_who_get_no_answer_at_once_one_knocks_for_all(is_open):
    bench, door = Workbench(), Door(is_open=is_open)

    async def story() -> list[bool]:
        return await asyncio.gather(*(bench.is_reached(bench.answers, door.knock) for _ in range(8)))

    assert asyncio.run(story()) == [is_open] * 8
    assert door.knocks == 1


def test_an_answer_from_before_tells_nothing():
    bench, door = Workbench(), Door(is_open=False)
    bench.answered()
    assert not asyncio.run(bench.is_reached(bench.answers, door.knock))


def test_after_an_outage_the_first_answer_makes_people_knock_again():
    bench, door = Workbench(), Door(is_open=False)
    assert not asyncio.run(bench.is_reached(bench.answers, door.knock))
    bench.answered()
    door.is_open = True
    assert asyncio.run(bench.is_reached(bench.answers, door.knock))
    assert door.knocks == 2
