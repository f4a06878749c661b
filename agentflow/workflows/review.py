"""A review, read top to bottom: collect, find in every pack, synthesize, verify, conclude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from dbos import DBOS, SetWorkflowID, WorkflowHandleAsync

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import decode, encode
from agentflow.domain.findings import ReviewedFinding
from agentflow.domain.tiers import Tier
from agentflow.review.joining import Candidate
from agentflow.review.ruling import Ruling, is_contested
from agentflow.review.sighting import FAR, NEAR, View
from agentflow.review.verifying import Batch
from agentflow.workflows.engine import POLL_S, durable, step
from agentflow.workflows.reviewing import collecting, concluding, finding, synthesizing, verifying
from agentflow.workflows.reviewing.orders import BatchOrder, Checked, Found, PackOrder, Ruled, Start, Synthesis

T = TypeVar("T")


@durable
async def review_run(run: str) -> str:
    """A whole run that only reviews. Returns the run's status."""
    await review(run)
    final = await step(run, "finish review", RunStatus, concluding.finish)
    return final.value


async def review(run: str) -> tuple[ReviewedFinding, ...]:
    """The review that the run's spec asks for, inside a workflow. Its findings are in the ledger too."""
    start = await step(run, "collect", Start, collecting.collect)
    found = await _find(run, start)
    synthesis = await step(run, "synthesize", Synthesis, synthesizing.synthesize, found)
    checked = await _verify(run, start, synthesis.candidates)
    reviewed = tuple[ReviewedFinding, ...]
    return await step(run, "conclude", reviewed, concluding.conclude, start.scope, found, synthesis, checked)


@durable
async def review_pack(ordered: dict[str, Any]) -> Any:
    """Carry out a `PackOrder`: a resumed review does not pay for it again. Returns the encoded `Found`."""
    order = decode(PackOrder, ordered)
    return encode(await step(order.run, f"find {order.name}", Found, finding.find, order.pack))


@durable
async def verify_batch(ordered: dict[str, Any]) -> Any:
    """Carry out a `BatchOrder`. Returns the encoded `Ruled`."""
    order = decode(BatchOrder, ordered)
    return encode(await step(order.run, f"verify {order.name}", Ruled, verifying.rule, order.batch, order.tier))


async def _find(run: str, start: Start) -> list[Found]:
    """Every pack by a reviewer of its own; the first one goes ahead when the others then pay less."""
    orders = [PackOrder(run, pack) for pack in start.scope.packs]
    ahead = 1 if start.warm else 0
    first = await _results(Found, [await _send(start.finder, review_pack, order) for order in orders[:ahead]])
    rest = [await _send(start.finder, review_pack, order) for order in orders[ahead:]]
    return [*first, *await _results(Found, rest)]


async def _verify(run: str, start: Start, candidates: Sequence[Candidate]) -> Checked:
    """Rulings of the first tier, on the lines near each finding; what is grave and not confirmed goes one tier up."""
    rulings: list[Ruling] = []
    notes: list[str] = []
    open_ones = list(candidates)
    for tier, view in zip(start.verifiers, (NEAR, FAR), strict=False):
        ruled = await _rule(run, tier, open_ones, view)
        rulings += [ruling for one in ruled for ruling in one.rulings]
        notes += [f"not verified on {tier}: {one.failure}" for one in ruled if one.failure]
        notes += [note for one in ruled for note in one.notes]
        last = {ruling.number: ruling for ruling in rulings}
        open_ones = [candidate for candidate in candidates if is_contested(candidate, last.get(candidate.number))]
    return Checked(tuple(rulings), tuple(dict.fromkeys(notes)))


async def _rule(run: str, tier: Tier, candidates: list[Candidate], view: View) -> list[Ruled]:
    if not candidates:
        return []
    batches = await step(run, f"batches for {tier}", tuple[Batch, ...], verifying.batches, candidates, view)
    return await _results(Ruled, [await _send(tier, verify_batch, BatchOrder(run, batch, tier)) for batch in batches])


async def _send(tier: Tier, workflow: Any, order: PackOrder | BatchOrder) -> WorkflowHandleAsync[Any]:
    with SetWorkflowID(f"{order.run}/{order.name}"):
        return await DBOS.enqueue_workflow_async(tier.value, workflow, encode(order))


async def _results(kind: type[T], handles: list[WorkflowHandleAsync[Any]]) -> list[T]:
    return [decode(kind, await handle.get_result(polling_interval_sec=POLL_S)) for handle in handles]
