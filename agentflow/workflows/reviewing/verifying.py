"""The steps that check findings against the code, in batches by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.config.review_answers import VerificationAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.findings import Finding
from agentflow.domain.text import shown
from agentflow.domain.tiers import Tier
from agentflow.review.joining import Candidate
from agentflow.review.refuting import founded
from agentflow.review.ruling import Ruling, one_each
from agentflow.review.sighting import View
from agentflow.review.source import Source
from agentflow.review.verifying import Batch, batches_of
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import rulings_in
from agentflow.workflows.reviewing.asking import ask
from agentflow.workflows.reviewing.orders import Ruled
from agentflow.workflows.reviewing.prompts import verification_prompt


async def batches(context: RunContext, candidates: Sequence[Candidate], view: View) -> tuple[Batch, ...]:
    """The candidates with the code to be read again, several files to a batch."""
    sources = await _sources(context)
    excerpts = [excerpt for pack in context.scope.packs for excerpt in pack.excerpts]
    return batches_of(candidates, sources, context.settings.review.pack_tokens, view, excerpts)


async def rule(context: RunContext, batch: Batch, tier: Tier) -> Ruled:
    """One verifier's rulings on a batch; a finding it does not mention stays without one."""
    sources = await _sources(context)
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
        settles=lambda answer: _settles(ruled(batch, tier, answer, sources).rulings, batch),
    )
    if answer is None:
        files = dict.fromkeys(candidate.finding.file for candidate in batch.candidates)
        return Ruled((), f"{', '.join(map(shown, files))}: {reason}")
    return ruled(batch, tier, answer, sources)


def ruled(batch: Batch, tier: Tier, answer: Mapping[str, Any], sources: Mapping[str, Source]) -> Ruled:
    """What an answer says about the findings of the batch."""
    read, asked = rulings_in(answer, tier), {candidate.number: candidate.finding for candidate in batch.candidates}
    rulings = tuple(founded((ruling for ruling in read.taken if ruling.number in asked), batch, sources))
    unknown = [f"a verdict on {r.number}, which no finding has" for r in read.taken if r.number not in asked]
    void = [f"{_named(asked[r.number])} is not refuted, since {r.void}" for r in rulings if r.void]
    notes = tuple(f"{batch.name} on {tier}: {note}" for note in (*read.notes, *unknown, *void))
    return Ruled(one_each(rulings), notes=notes)


def _settles(rulings: Sequence[Ruling], batch: Batch) -> bool:
    """Whether every finding has a ruling that counts: else it is worth asking again another time."""
    return len(rulings) == len(batch.candidates) and not any(ruling.void for ruling in rulings)


def _named(finding: Finding) -> str:
    return f"{shown(finding.file)}:{finding.line} {finding.title!r}"


async def _sources(context: RunContext) -> Mapping[str, Source]:
    """All files of which something was shown: a finding in one may rest on another."""
    return await context.workbench.shown(context.repository, context.review_spec, context.scope)
