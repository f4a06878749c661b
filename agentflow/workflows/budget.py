"""The run's budget: reserved before every session, settled after it."""

from __future__ import annotations

import asyncio

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
        self._settled = asyncio.Condition()

    async def reserve(self, wanted: float, least: float, *, spare: float = 0.0, nested: bool = False) -> float:
        """Set aside up to `wanted` USD and at least `least`; waits for running sessions to give back what they spare.

        `spare` is the part of what is left, 0 to 1, that a session leaves to the sessions it may start itself. Those
        are `nested`: they never wait, since the one that would have to end first is waiting for them.
        Raises LimitReached when not even `least` is left.
        """
        if self.cap_usd is None:
            return wanted
        async with self._settled:
            while (left := self.cap_usd - self._spent - self._reserved) < least or left <= 0:
                if nested or self._reserved <= 0:
                    raise self._exhausted(least)
                await self._settled.wait()
            share = min(wanted, max(least, left * (1 - spare)))
            self._reserved += share
            return share

    async def settle(self, share: float, cost: float) -> None:
        """Give the reservation back and book what the session really cost."""
        self._spent += cost
        if self.cap_usd is None:
            return
        async with self._settled:
            self._reserved -= share
            self._settled.notify_all()

    def _exhausted(self, least: float) -> LimitReached:
        return LimitReached(
            f"the budget of ${self.cap_usd:.2f} is reached: ${self._spent:.4f} is spent"
            f" and the next session needs about ${least:.4f}",
            hint="resume with a higher one: agentflow resume --budget USD",
        )
