"""The step that makes one list of what all reviewers reported, and looks across the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentflow.config.review_answers import SynthesisAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.findings import Dropped, Finding, Why
from agentflow.review.grounding import ground
from agentflow.review.joining import Candidate, apply_groups, join_repeats, neighbours
from agentflow.review.source import Source
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import findings_in, groups_in
from agentflow.workflows.reviewing.asking import ask
from agentflow.workflows.reviewing.orders import Found, Synthesis
from agentflow.workflows.reviewing.prompts import synthesis_prompt

#: Findings one synthesizer sorts at once; neighbours by file and line stay together.
MAX_AT_ONCE = 120
#: By what name it is among those who report.
_READER = "synthesis"


async def synthesize(context: RunContext, found: Sequence[Found]) -> Synthesis:
    """Repeats are joined mechanically, then by meaning where they are neighbours; defects between files are added."""
    candidates = join_repeats({one.pack.name: one.findings for one in found})
    repeats = sum(len(one.findings) for one in found) - len(candidates)
    sources = await context.workbench.read(context.repository, context.review_spec, context.scope.files)
    if len(candidates) < 2 and len(sources) < 2:
        return Synthesis(candidates, repeats)
    answers: list[tuple[Sequence[Candidate], Mapping[str, Any]]] = []
    notes: list[str] = []
    for n, some in enumerate(_slices(candidates), start=1):
        answer, reason = await _ask(context, f"synthesis-{n}", some, list(sources.values()))
        answers.append((some, answer or {}))
        notes += [] if answer else [f"findings were not grouped by meaning, nor files compared: {reason}"]
    shown = await context.workbench.shown(context.repository, context.review_spec, context.scope)
    synthesis = grouped(answers, sources, shown)
    merged = repeats + synthesis.merged
    return replace(synthesis, merged=merged, notes=tuple(dict.fromkeys((*notes, *synthesis.notes))))


def grouped(
    answers: Sequence[tuple[Sequence[Candidate], Mapping[str, Any]]],
    sources: Mapping[str, Source],
    shown: Mapping[str, Source] | None = None,
) -> Synthesis:
    """What the answers make of the candidates that they are about; `merged` counts those that are one with another.

    `shown`: the files of the candidates, where there are others than `sources`, those under review.
    """
    joined: list[Candidate] = []
    added: list[Finding] = []
    notes: list[str] = []
    for some, answer in answers:
        groups, across = groups_in(answer), findings_in(answer)
        joined += apply_groups(some, groups.taken, neighbours(shown or sources))
        added += across.taken
        notes += [f"synthesis: {note}" for note in (*groups.notes, *across.notes)]
    grounded = ground(added, sources)
    voided = tuple(Dropped(Why.VOID, finding, reason, "agentflow") for finding, reason in grounded.voided)
    everything = _numbered([*joined, *join_repeats({_READER: grounded.kept})])
    return Synthesis(everything, sum(len(some) for some, _ in answers) - len(joined), voided, tuple(notes))


def _slices(candidates: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    starts = range(0, max(len(candidates), 1), MAX_AT_ONCE)
    return [tuple(candidates[start : start + MAX_AT_ONCE]) for start in starts]


async def _ask(
    context: RunContext, name: str, candidates: Sequence[Candidate], sources: Sequence[Source]
) -> tuple[Mapping[str, Any] | None, str]:
    agent = context.agents["synthesizer"]
    prompt = synthesis_prompt(candidates, sources)
    return await ask(
        context,
        CallKind.SYNTHESIZE,
        agent,
        agent.tier,
        name=name,
        prompt=prompt,
        answer=SynthesisAnswer,
        settles=lambda answer: not (groups_in(answer).notes or findings_in(answer).notes),
    )


def _numbered(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(replace(candidate, number=n) for n, candidate in enumerate(candidates, start=1))
