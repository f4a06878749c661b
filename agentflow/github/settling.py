"""Threads as a careful person leaves them: closed when the defect is gone, open again when it is back."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from agentflow.errors import AgentflowError
from agentflow.github.api import Api
from agentflow.github.earlier import Compared, Earlier, Fate
from agentflow.github.standing import Standing

_MUTATION = "mutation($id: ID!) {{ {what}(input: {{threadId: $id}}) {{ thread {{ isResolved }} }} }}"
_CLOSE, _REOPEN = "resolveReviewThread", "unresolveReviewThread"


class _Done(BaseModel):
    """Whatever it says: without errors it is done."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The comments whose threads agentflow has closed, those it has opened again, and why it could not do more."""

    closed: frozenset[int]
    reopened: frozenset[int] = frozenset()
    refusal: str = ""


async def settle(api: Api, stood: Standing, compared: Compared) -> Settled:
    """Resolve the threads of what is called resolved, and open again those of what was and is back.

    A thread that a person closed stays closed, and one that a person opened again stays open. What GitHub refuses once
    is not asked for again.
    """
    closed, reopened = set(stood.closed), set[int]()
    for earlier, fate in zip(stood.comments, compared.fates, strict=True):
        what = _wanted(earlier, fate, stood)
        if what is None:
            continue
        try:
            await api.query(_MUTATION.format(what=what), _Done, {"id": earlier.thread})
        except AgentflowError as error:
            return Settled(frozenset(closed), frozenset(reopened), error.message)
        if what == _CLOSE:
            closed.add(earlier.number)
        else:
            closed.discard(earlier.number)
            reopened.add(earlier.number)
    return Settled(frozenset(closed), frozenset(reopened))


def _wanted(earlier: Earlier, fate: Fate, stood: Standing) -> str | None:
    if fate is Fate.RESOLVED:
        return _CLOSE if earlier.is_open and earlier.number not in stood.closed else None
    is_back = fate is Fate.PRESENT and earlier.number in stood.resolved
    return _REOPEN if is_back and not earlier.is_open else None
