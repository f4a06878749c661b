"""One merge, read top to bottom: onto the run's branch, or through the resolver's ladder."""

from __future__ import annotations

from typing import Any

from agentflow.domain.codec import decode, encode
from agentflow.workflows import finishing, merging
from agentflow.workflows.engine import context_of, durable, step
from agentflow.workflows.orders import Merge, MergeOrder


@durable
async def merge_attempt(ordered: dict[str, Any]) -> Any:
    """Carry out a `MergeOrder`; runs beside the attempts, one at a time. Returns the encoded `Merge`."""
    order = decode(MergeOrder, ordered)
    run, done, head, merged = order.run, order.attempt, order.head, order.merged
    result = await step(run, f"merge {order.name}", Merge, merging.merge, done, head, merged)
    for tier in context_of(run).agents["resolver"].ladder:
        if not result.conflicts:
            break
        name = f"resolve {order.name} {tier}"
        result = await step(run, name, Merge, merging.resolve, done, head, merged, tier)
    await step(run, f"report merge {order.name}", bool, finishing.report_merge, done, result)
    return encode(result)
