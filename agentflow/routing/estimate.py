"""What a plan is likely to cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agentflow.domain.calls import Tokens
from agentflow.domain.plans import Plan
from agentflow.domain.tiers import Tier

#: Tokens of a small and of a large executor session, used while the ledger has no history of its own.
#: About 8 and 30 requests on a prefix of 15k tokens that grows by 1k and 2k a request; most of it is read from cache.
SMALL_SESSION = Tokens(input=2_000, output=3_000, cache_read=150_000, cache_write_5m=25_000)
LARGE_SESSION = Tokens(input=6_000, output=15_000, cache_read=1_300_000, cache_write_5m=90_000)

#: Tokens a reviewer writes about a pack, a synthesizer and a verifier in an answer: few, and many.
REVIEW_OUTPUT = (200, 2_000)

Price = Callable[[str, Tokens], float | None]
Range = tuple[float, float]


def session_range(model: str, history: Sequence[float], price: Price) -> Range | None:
    """Low and high USD of one session: the 50th and 90th percentile of `history` when it has five or more costs.

    Otherwise the two assumed sessions above at the model's price; None when the model has no known price.
    """
    if len(history) >= 5:
        costs = sorted(history)
        return costs[len(costs) // 2], costs[int(len(costs) * 0.9)]
    low, high = price(model, SMALL_SESSION), price(model, LARGE_SESSION)
    return None if low is None or high is None else (low, high)


def plan_range(
    plan: Plan, ladders: Mapping[str, Sequence[Tier]], sessions: Mapping[Tier, Range | None]
) -> dict[str, Range]:
    """USD per subtask: one small session on the first rung, up to one large session on every rung."""
    return {s.id: _subtask_range([sessions.get(tier) or (0.0, 0.0) for tier in ladders[s.id]]) for s in plan.subtasks}


def review_range(packs: Sequence[int], prefix: int, models: tuple[str, str], price: Price) -> Range | None:
    """USD of a review of packs of so many tokens, each after a cached prefix, on a finder's and a verifier's model.

    Low: every reviewer finds little, so nothing is checked again. High: each finds much, and a verifier reads all of
    it once more, beside a synthesizer. None when a model has no known price.
    """
    finder, verifier = models
    few, many = REVIEW_OUTPUT
    low = [price(finder, Tokens(input=size, cache_read=prefix, output=few)) for size in packs]
    high = [price(finder, Tokens(input=size + prefix, output=many)) for size in packs]
    high += [price(verifier, Tokens(input=size, output=many)) for size in (*packs, *((8_000,) if packs else ()))]
    if any(cost is None for cost in (*low, *high)):
        return None
    return sum(cost or 0.0 for cost in low), sum(cost or 0.0 for cost in high)


def _subtask_range(rungs: Sequence[Range]) -> Range:
    return rungs[0][0], sum(high for _, high in rungs)
