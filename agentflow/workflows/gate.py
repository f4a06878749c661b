"""The gate every step goes through: it closes when the run has to stop, and then nothing more is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, ParamSpec, TypeVar

from agentflow.errors import AgentflowError

P = ParamSpec("P")
T = TypeVar("T")


class Gate:
    """Lets steps through until one of them raises.

    The engine would record a raised error as the step's result and replay it for ever. So a step that fails closes the
    gate and then waits, unrecorded, until the engine is shut down; the next `resume` runs it again. Steps already
    inside may finish and are recorded; no new one starts.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        """`announce` tells people why the run stops, and what it still waits for."""
        self._announce = announce
        self._busy = 0
        self._reason: Exception | None = None
        self._shut = False

    @property
    def reason(self) -> Exception | None:
        """Why the gate is closed: an AgentflowError, or a bug. None while it is open."""
        return self._reason

    @property
    def busy(self) -> int:
        """Steps inside."""
        return self._busy

    def shut(self) -> None:
        """The engine is about to cancel everything: let nothing in, and nothing wait, any more."""
        self._shut = True

    async def through(self, step: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step. Never returns once the gate is closed."""
        if self._reason is None and not self._shut:
            self._busy += 1
            try:
                return await step(*args, **kwargs)
            except Exception as error:  # noqa: BLE001  a bug must stop the run without being recorded, like any failure
                self._close(error)
            finally:
                self._busy -= 1
        return await self._park()

    async def around(self, workflow: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what leads from step to step. Its own failure is a bug, and closes the gate too."""
        try:
            return await workflow(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  as above
            self._close(error)
        return await self._park()

    def _close(self, reason: Exception) -> None:
        """The first reason stands, but an expected failure gives way to a bug."""
        if self._reason is None and self._busy > 1:
            self._announce(f"stopping: {reason}; what is under way may finish")
        if self._reason is None or not isinstance(reason, AgentflowError):
            self._reason = reason

    async def _park(self) -> NoReturn:
        """Wait until the engine cancels its tasks; a cancellation that was caught on the way here is made good."""
        if not self._shut:
            await asyncio.get_running_loop().create_future()
        raise asyncio.CancelledError
