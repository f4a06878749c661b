"""Which tier first, which tier after a failure. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from agentflow.domain.agents import Agent
from agentflow.domain.tiers import Complexity, Tier

#: The static table: where a subtask starts when nothing better is known.
START = {Complexity.SIMPLE: Tier.HAIKU, Complexity.MEDIUM: Tier.SONNET, Complexity.COMPLEX: Tier.OPUS}


def ladder_for(agent: Agent, complexity: Complexity) -> tuple[Tier, ...]:
    """The rungs this subtask may climb: the agent's ladder from the complexity's tier upwards.

    An agent whose ladder ends below that tier starts on its last rung; it is never moved off its own ladder.
    """
    start = START[complexity]
    return tuple(tier for tier in agent.ladder if tier.rank >= start.rank) or agent.ladder[-1:]


def next_rung(ladder: Sequence[Tier], tier: Tier) -> Tier | None:
    """The next dearer rung, None above the last one."""
    return next((rung for rung in ladder if rung.rank > tier.rank), None)


def judge_tier(tier: Tier) -> Tier:
    """One tier above the one that did the work; the dearest judges itself."""
    return min((higher for higher in Tier if higher.rank > tier.rank), key=lambda t: t.rank, default=tier)
