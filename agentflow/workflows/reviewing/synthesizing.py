"""The step that makes one list of what all reviewers reported, and looks across the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.config.review_answers import SynthesisAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.findings import Finding
from agentflow.review.grounding import ground
from agentflow.review.joining import Candidate, apply_groups, join_repeats
from agentflow.review.source import Source
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.asking import ask
from agentflow.workflows.reviewing.orders import Found, Synthesis
from agentflow.workflows.reviewing.prompts import synthesis_prompt

#: Findings one synthesizer sorts at once; neighbours by file and line stay together.
MAX_AT_ONCE = 120


async def synthesize(context: RunContext, found: Sequence[Found]) -> Synthesis:
    """Repeats are joined mechanically, then by meaning; defects between files are added."""
    reported = [finding for one in found for finding in one.findings]
    candidates = join_repeats(reported)
    sources = await context.workbench.read(context.repository, context.review_spec, context.scope.files)
    if len(candidates) < 2 and len(sources) < 2:
        return Synthesis(candidates, len(reported) - len(candidates))
    joined: list[Candidate] = []
    added: list[Finding] = []
    notes: list[str] = []
    for n, some in enumerate(_slices(candidates), start=1):
        answer, reason = await _ask(context, f"synthesis-{n}", some, list(sources.values()))
        if answer is None:
            notes.append(f"findings were not grouped by meaning, nor files compared: {reason}")
        groups, across = _read(answer)
        joined += apply_groups(some, groups)
        added += across
    grounded = ground(added, sources)
    merged = len(reported) - len(joined)
    everything = _numbered([*joined, *join_repeats(grounded.kept)])
    return Synthesis(everything, merged, len(grounded.voided), tuple(dict.fromkeys(notes)))


def _slices(candidates: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    starts = range(0, max(len(candidates), 1), MAX_AT_ONCE)
    return [tuple(candidates[start : start + MAX_AT_ONCE]) for start in starts]


async def _ask(
    context: RunContext, name: str, candidates: Sequence[Candidate], sources: Sequence[Source]
) -> tuple[Mapping[str, Any] | None, str]:
    agent = context.agents["synthesizer"]
    prompt = synthesis_prompt(candidates, sources)
    return await ask(context, CallKind.SYNTHESIZE, agent, agent.tier, name=name, prompt=prompt, answer=SynthesisAnswer)


def _read(answer: Mapping[str, Any] | None) -> tuple[list[tuple[tuple[int, ...], Any]], list[Finding]]:
    if answer is None:
        return [], []
    given = SynthesisAnswer.model_validate(answer)
    return [(group.members, group.severity) for group in given.groups], [one.finding() for one in given.findings]


def _numbered(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(Candidate(n, c.finding, c.agreement) for n, c in enumerate(candidates, start=1))
