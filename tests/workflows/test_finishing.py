"""The step that begins execution, on a real repository and ledger."""

from __future__ import annotations

import asyncio

from agentflow.domain.plans import Complexity, Kind, Plan, Subtask
from agentflow.workflows.finishing import begin
from agentflow.workflows.opening import new_run, open_run, open_workplace
from agentflow.workflows.planning import baseline


def test_the_first_attempt_gets_the_worktree_that_the_plan_was_made_in(world, ledger, monkeypatch):
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)
    root = world.repository({"README": "one\n"})
    subtask = Subtask("a", "A", "do it", Kind.IMPLEMENT, Complexity.SIMPLE, "execute", (), ("**",), ("true",), ())

    async def story() -> tuple[int, int]:
        workplace = await open_workplace(root, {"sandbox": "off"})
        run = await open_run(ledger, await new_run(workplace, ledger, "goal", plan=Plan("Do it.", (), (subtask,))))
        await baseline(run)
        planned_in = run.base_worktree.stat().st_ino
        await begin(run)
        attempt = run.worktree_of("a", 1)
        await run.rooms.open(attempt, run.base)
        assert not run.base_worktree.exists()
        return planned_in, attempt.stat().st_ino

    planned_in, worked_in = asyncio.run(story())
    assert planned_in == worked_in
