"""The steps that check findings against the code, in batches by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.config.review_answers import VerificationAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.text import shown
from agentflow.domain.tiers import Tier
from agentflow.review.joining import Candidate
from agentflow.review.ruling import one_each
from agentflow.review.verifying import Batch, View, batches_of
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import rulings_in
from agentflow.workflows.reviewing.asking import ask
from agentflow.workflows.reviewing.orders import Ruled
from agentflow.workflows.reviewing.prompts import verification_prompt


async def batches(context: RunContext, candidates: Sequence[Candidate], view: View) -> tuple[Batch, ...]:
    """The candidates with the code to be read again, several files to a batch."""
    files = [candidate.finding.file for candidate in candidates]
    sources = await context.workbench.read(context.repository, context.review_spec, files)
    return batches_of(candidates, sources, context.settings.review.pack_tokens, view)


async def rule(context: RunContext, batch: Batch, tier: Tier) -> Ruled:
    """One verifier's rulings on a batch; a finding it does not mention stays without one."""
    files = list(dict.fromkeys(part.file for part in batch.parts))
    sources = await context.workbench.read(context.repository, context.review_spec, files)
    prompt = verification_prompt(batch.candidates, batch.parts, sources)
    agent = context.agents["verifier"]
    answer, reason = await ask(
        context,
        CallKind.VERIFY,
        agent,
        tier,
        name=batch.name,
        prompt=prompt,
        answer=VerificationAnswer,
        settles=lambda answer: len(ruled(batch, tier, answer).rulings) == len(batch.candidates),
    )
    if answer is None:
        return Ruled((), f"{', '.join(map(shown, files))}: {reason}")
    return ruled(batch, tier, answer)


def ruled(batch: Batch, tier: Tier, answer: Mapping[str, Any]) -> Ruled:
    """What an answer says about the findings of the batch."""
    read, numbers = rulings_in(answer, tier), {candidate.number for candidate in batch.candidates}
    unknown = [f"a verdict on {r.number}, which no finding has" for r in read.taken if r.number not in numbers]
    notes = tuple(f"{batch.name} on {tier}: {note}" for note in (*read.notes, *unknown))
    return Ruled(one_each(ruling for ruling in read.taken if ruling.number in numbers), notes=notes)
