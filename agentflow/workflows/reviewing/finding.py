"""The step that reads a pack: one reviewer, asked once more when its answer is of no use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from agentflow.config.answers import schema_of
from agentflow.config.review_answers import ReviewAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.findings import Dropped, Why
from agentflow.domain.reviews import Pack
from agentflow.errors import UpstreamError
from agentflow.models.session import SessionRequest
from agentflow.review.grounding import ground
from agentflow.review.source import Source
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import findings_in, lists, objection
from agentflow.workflows.reviewing.asking import answer_key
from agentflow.workflows.reviewing.orders import Found
from agentflow.workflows.reviewing.prompts import pack_prompt, shared_prompt, with_reason

TRIES = 2
#: Seconds before the second try of a reviewer whose request the network or the provider broke.
PAUSE_S = 1.0
#: What is asked to learn whether the provider answers anybody, when it does not answer a pack.
KNOCK = "There is no code to review: answer with no findings."


async def find(context: RunContext, pack: Pack) -> Found:
    """What the reviewer of this pack reports and the code bears out. A reviewer that fails costs its pack only."""
    context.emit(EventKind.PACK_STARTED, pack.name, pack=pack.name)
    sources = await context.workbench.shown(context.repository, context.review_spec, context.scope, pack)
    found = await _found(context, pack, sources)
    context.emit(
        EventKind.PACK_FINISHED,
        pack.name,
        pack=pack.name,
        ok=found.failure is None,
        reason=found.failure or "",
        findings=len(found.findings),
        kept=found.kept,
    )
    return found


async def _found(context: RunContext, pack: Pack, sources: Mapping[str, Source]) -> Found:
    request = _request(context, pack, sources)
    # Without the names of other packs' files: one more file in a change is no reason to read the rest again.
    alone = shared_prompt(context.rules, replace(context.scope, packs=(pack,)))
    key = answer_key(replace(request, shared=alone))
    if (kept := request.readable(context.ledger.cache_get("review", key))) is not None:
        return replace(grounded(pack, sources, kept), kept=True)
    answer, reason = await _ask(context, request)
    if answer is None:
        return Found(pack, failure=reason)
    found = grounded(pack, sources, answer)
    if found.findings or not found.voided:
        context.ledger.cache_put("review", key, answer)
    return found


def grounded(pack: Pack, sources: Mapping[str, Source], answer: Mapping[str, Any]) -> Found:
    """What an answer says about the pack, on lines that hold its evidence, and the rest with its reasons."""
    read = findings_in(answer)
    result = ground(read.taken, sources, pack.parts, pack.excerpts)
    voided = tuple(Dropped(Why.VOID, finding, reason, "agentflow") for finding, reason in result.voided)
    return Found(pack, result.kept, voided, notes=tuple(f"{pack.name}: {note}" for note in read.notes))


def _request(context: RunContext, pack: Pack, sources: Mapping[str, Source]) -> SessionRequest:
    reviewer = context.agents["reviewer"]
    return context.request(
        CallKind.REVIEW,
        reviewer,
        reviewer.tier,
        prompt=pack_prompt(pack, sources),
        schema=schema_of(ReviewAnswer),
        accepts=lists("findings"),
        worktree=context.empty_folder,
        subtask=pack.name,
        shared=shared_prompt(context.rules, context.scope),
    )


async def _ask(context: RunContext, request: SessionRequest) -> tuple[Mapping[str, Any] | None, str]:
    """The answer, or why there is none. Raises UpstreamError when nobody gets answers any more.

    An answer of which nothing can be read is none. Who is asked again is told what was wrong.
    """
    bench, reason = context.workbench, "no answer"
    asked = request
    for attempt in range(1, TRIES + 1):
        before = bench.answers
        try:
            result = await context.desk.run(_labelled(asked, attempt), "review", pauses=())
        except UpstreamError as error:
            reason = error.message
            if attempt < TRIES:
                await asyncio.sleep(PAUSE_S)
            elif not await bench.is_reached(before, partial(_knock, context, request)):
                raise
            continue
        bench.answered()
        if result.output is not None:
            reason = objection(result.output)
            if not reason:
                return result.output, ""
        elif result.failure:
            reason = result.failure.reason
        asked = replace(request, prompt=with_reason(request.prompt, reason))
    return None, reason


async def _knock(context: RunContext, request: SessionRequest) -> None:
    """Ask for next to nothing. Raises UpstreamError when the provider does not answer that either."""
    probe = replace(request, prompt=KNOCK, shared="", label=replace(request.label, subtask="probe", attempt=1))
    await context.desk.run(probe, "review", pauses=())


def _labelled(request: SessionRequest, attempt: int) -> SessionRequest:
    return replace(request, label=replace(request.label, attempt=attempt))
