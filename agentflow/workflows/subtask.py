"""One attempt, read top to bottom: a session at one tier, the proof, at most one fix round in the same session."""

from __future__ import annotations

from typing import Any

from agentflow.domain.attempts import Attempt, Outcome
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import Proof
from agentflow.workflows import attempting
from agentflow.workflows.engine import durable, step
from agentflow.workflows.orders import Examined, Order, Round

#: What a model can mend when it is shown the evidence. A blocked or broken session climbs at once.
FIXABLE = (Outcome.CHECKS_FAILED, Outcome.OUT_OF_SCOPE, Outcome.TAMPERED, Outcome.EMPTY)
#: What a merge may rest on only if a judge approves.
NEEDS_JUDGE = (Proof.WEAKLY_PROVEN, Proof.UNPROVEN)


@durable
async def attempt(ordered: dict[str, Any]) -> Any:
    """Carry out an `Order`; the unit that another machine could take. Returns the encoded `Attempt`."""
    order = decode(Order, ordered)
    begin = attempting.go_on if order.resumed else attempting.work
    rounds = [await step(order.run, f"work {order.name}", Round, begin, order)]
    examined = await _examine(order, rounds)
    if _is_fixable(examined) and rounds[0].session_id is not None:
        rounds.append(
            await step(order.run, f"rework {order.name}", Round, attempting.rework, order, rounds[0], examined)
        )
        examined = await _examine(order, rounds)
    return encode(await step(order.run, f"record {order.name}", Attempt, attempting.record, order, rounds, examined))


def _is_fixable(examined: Examined) -> bool:
    """What a judge refused needs an objection: asking again for more confidence would only get more confidence."""
    return examined.outcome in FIXABLE and (examined.proof is None or bool(examined.digest))


async def _examine(order: Order, rounds: list[Round]) -> Examined:
    name = f"{order.name} round {len(rounds)}"
    examined = await step(order.run, f"examine {name}", Examined, attempting.examine, order, rounds[-1])
    if examined.outcome is Outcome.ENVIRONMENT:
        await step(order.run, f"renew environment {name}", bool, attempting.renew_environment)
        examined = await step(order.run, f"examine {name} again", Examined, attempting.examine, order, rounds[-1])
    if examined.passed and examined.proof in NEEDS_JUDGE:
        return await step(order.run, f"judge {name}", Examined, attempting.approve, order, rounds[-1], examined)
    return examined
