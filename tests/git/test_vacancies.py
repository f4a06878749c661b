"""A worktree that is about to be free is waited for as long as another would cost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentflow.git.checkouts import Checkouts
from agentflow.git.rooms import Rooms
from agentflow.git.vacancies import Vacancies

HOUR_S = 3600.0


@pytest.fixture
def checkouts() -> Checkouts:
    """One turn; a checkout takes an hour."""
    made = Checkouts()
    made._free, made.took_s = 1, HOUR_S
    return made


def test_who_asks_first_gets_the_first_that_is_left(checkouts):
    vacancies, got = Vacancies(checkouts), list[tuple[str, Path | None]]()

    async def ask(name: str) -> None:
        got.append((name, await vacancies.take(lambda: True, first=False)))

    async def story() -> None:
        asking = [asyncio.create_task(ask(name)) for name in ("one", "two")]
        await asyncio.sleep(0)
        vacancies.add(Path("a"))
        await asking[0]
        asking.append(asyncio.create_task(ask("three")))
        await asyncio.sleep(0)
        vacancies.add(Path("b"))
        await asking[1]
        vacancies.add(Path("c"))
        await asking[2]

    asyncio.run(story())
    assert got == [("one", Path("a")), ("two", Path("b")), ("three", Path("c"))]


@pytest.mark.parametrize(("coming", "took_s"), [(False, HOUR_S), (True, 0.0), (True, 0.05)])
def test_another_is_made_where_none_is_coming_or_as_long_was_waited_as_that_takes(checkouts, coming, took_s):
    checkouts.took_s = took_s
    assert asyncio.run(Vacancies(checkouts).take(lambda: coming, first=False)) is None


def test_what_was_waited_for_one_counts_for_the_next(checkouts):
    vacancies = Vacancies(checkouts)

    async def left_late() -> Path | None:
        asking = asyncio.create_task(vacancies.take(lambda: True, first=False))
        await asyncio.sleep(0.1)
        vacancies.add(Path("a"))
        return await asking

    assert asyncio.run(left_late()) == Path("a")
    assert vacancies._waited_s > 0
    checkouts.took_s = vacancies._waited_s
    assert asyncio.run(vacancies.take(lambda: True, first=False)) is None
    assert vacancies._waited_s == 0


def test_while_others_check_out_waiting_costs_nothing_and_only_what_goes_first_may_queue_for_a_turn(checkouts):
    vacancies = Vacancies(checkouts)

    async def story() -> tuple[Path | None, Path | None]:
        async with checkouts.turn(first=False):
            queued = await vacancies.take(lambda: False, first=True)
            asking = asyncio.create_task(vacancies.take(lambda: False, first=False))
            await asyncio.sleep(0.1)
            assert not asking.done()
            vacancies.add(Path("a"))
            return queued, await asking

    assert asyncio.run(story()) == (None, Path("a"))
    assert vacancies._waited_s == 0


@pytest.mark.parametrize("rests", [True, False])
def test_only_an_attempt_whose_agent_rests_is_waited_for(make_repo, tmp_path, checkouts, rests):
    repo = make_repo(files={"a.py": "one\n"})
    rooms, head = Rooms(repo.open(), checkouts), repo.git("rev-parse", "HEAD")
    one, other = (tmp_path / "cache" / "worktrees" / "run" / name for name in ("one", "other"))

    async def story() -> int:
        await rooms.open(one, head)
        checkouts.took_s = HOUR_S
        rooms.rest(one)
        if not rests:
            rooms.wake(one)
        opening = asyncio.create_task(rooms.open(other, head))
        if rests:
            await asyncio.sleep(0.1)
            await rooms.leave(one)
        await opening
        return len(list((repo.root / ".git" / "worktrees").iterdir()))

    assert asyncio.run(story()) == (1 if rests else 2)
