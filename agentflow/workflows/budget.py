"""The run's budget: reserved before every session, settled after it."""

from __future__ import annotations

import asyncio
import math

from agentflow.errors import LimitReached


class Budget:
    """A hard cap in USD that parallel sessions cannot overshoot: what one may spend is set aside before it starts.

    `spent` is what the ledger already holds for the run. One session may still exceed its own share by its last
    response, which the provider prices only after it was written.
    """

    def __init__(self, cap_usd: float | None, spent: float) -> None:
        self.cap_usd = cap_usd
        self._spent = spent
        self._reserved = 0.0
        self._running = 0
        self._settled = asyncio.Condition()

    async def reserve(
        self, wanted: float, least: float, *, spare: float = 0.0, nested: bool = False, whole: bool = False
    ) -> float:
        """Set aside up to `wanted` USD and at least `least`; waits for running sessions to give back what they spare.

        `spare` is the part of what is left, 0 to 1, that a session leaves to the sessions it may start itself. Those
        are `nested`: they never wait, since the one that would have to end first is waiting for them.
        `whole`: for a session that nothing stops half-way. It takes no less than `wanted`, unless it runs alone: so the
        cap is overshot by one response at most, however many run at once.
        Raises LimitReached when not even `least` is left.
        """
        if self.cap_usd is None:
            return wanted
        async with self._settled:
            while not self._has_room(wanted if whole and self._running else least):
                if nested or not self._running:
                    raise self._exhausted(least)
                await self._settled.wait()
            share = min(wanted, max(least, self._left * (1 - spare)))
            self._reserved += share
            self._running += 1
            return share

    async def settle(self, share: float, cost: float) -> None:
        """Give the reservation back and book what the session really cost."""
        self._spent += cost
        if self.cap_usd is None:
            return
        async with self._settled:
            self._running -= 1
            self._reserved = self._reserved - share if self._running else 0.0
            self._settled.notify_all()

    @property
    def _left(self) -> float:
        return math.inf if self.cap_usd is None else self.cap_usd - self._spent - self._reserved

    def _has_room(self, usd: float) -> bool:
        return self._left > 0 and self._left >= usd

    def _exhausted(self, least: float) -> LimitReached:
        return LimitReached(
            f"the budget of ${self.cap_usd:.2f} is reached: ${self._spent:.4f} is spent"
            f" and the next session needs about ${least:.4f}",
            hint="resume with a higher one: agentflow resume --budget USD",
        )
