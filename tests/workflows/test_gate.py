from __future__ import annotations

import asyncio

import pytest

from agentflow.errors import LimitReached, UpstreamError
from agentflow.workflows.gate import Gate


async def double(number: int) -> int:
    return 2 * number


async def fail(error: Exception) -> int:
    raise error


async def settled(*steps: object) -> list[asyncio.Task[int]]:
    """The steps after they have had every chance to end."""
    tasks = [asyncio.ensure_future(step) for step in steps]
    await asyncio.wait(tasks, timeout=0.05)
    return tasks


async def cancel(*tasks: asyncio.Task[int]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_an_open_gate_passes_results_on():
    gate = Gate(print)
    assert asyncio.run(gate.through(double, 21)) == 42
    assert (gate.reason, gate.busy) == (None, 0)


def test_a_failing_step_closes_the_gate_and_neither_returns_nor_raises():
    async def story():
        gate, error = Gate(print), UpstreamError("down")
        (failing,) = await settled(gate.through(fail, error))
        assert not failing.done()
        assert (gate.reason, gate.busy) == (error, 0)
        await cancel(failing)

    asyncio.run(story())


def test_no_step_begins_behind_a_closed_gate():
    async def story():
        gate, begun = Gate(print), []

        async def begin() -> int:
            begun.append(1)
            return 1

        tasks = await settled(gate.through(fail, LimitReached("budget")), gate.through(begin))
        assert not begun
        assert not any(task.done() for task in tasks)
        await cancel(*tasks)

    asyncio.run(story())


def test_a_step_inside_when_the_gate_closes_may_finish_and_that_is_announced():
    said = []

    async def story():
        gate, finish = Gate(said.append), asyncio.Event()

        async def work() -> int:
            await finish.wait()
            return 7

        working, failing = await settled(gate.through(work), gate.through(fail, LimitReached("budget")))
        assert gate.busy == 1
        finish.set()
        assert await working == 7
        assert gate.busy == 0
        await cancel(failing)

    asyncio.run(story())
    assert said == ["stopping: budget; what is under way may finish"]


@pytest.mark.parametrize(
    "errors",
    [
        [LimitReached("x"), UpstreamError("y")],
        [LimitReached("y"), ValueError("x")],
        [ValueError("x"), LimitReached("y")],
    ],
)
def test_the_first_reason_is_told_unless_there_is_a_bug(errors):
    async def story():
        gate, together = Gate(print), asyncio.Event()

        async def fail_later(error: Exception) -> int:
            await together.wait()
            raise error

        tasks = await settled(*(gate.through(fail_later, error) for error in errors))
        together.set()
        await asyncio.wait(tasks, timeout=0.05)
        await cancel(*tasks)
        return gate.reason

    assert str(asyncio.run(story())) == "x"


def test_a_cancelled_step_leaves_the_gate_open():
    async def story():
        gate = Gate(print)
        (task,) = await settled(gate.through(asyncio.sleep, 60))
        await cancel(task)
        return gate.reason, gate.busy

    assert asyncio.run(story()) == (None, 0)


def test_a_bug_between_two_steps_closes_the_gate_too():
    async def story():
        gate, bug = Gate(print), ValueError("bug")
        (failing,) = await settled(gate.around(fail, bug))
        assert not failing.done()
        assert gate.reason is bug
        await cancel(failing)

    asyncio.run(story())


def test_when_the_engine_shuts_down_nothing_begins_and_nothing_waits():
    async def story():
        gate = Gate(print)
        gate.shut()
        tasks = await settled(gate.through(double, 1), gate.around(fail, ValueError("bug")))
        return [task.cancelled() for task in tasks]

    assert asyncio.run(story()) == [True, True]
