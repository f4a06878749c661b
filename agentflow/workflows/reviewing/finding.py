"""The step that reads a pack: one reviewer, asked once more when its answer is of no use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentflow.config.answers import schema_of
from agentflow.config.review_answers import ReviewAnswer
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.reviews import Pack
from agentflow.errors import UpstreamError
from agentflow.models.session import SessionRequest
from agentflow.review.grounding import ground
from agentflow.review.source import Source
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.orders import Found
from agentflow.workflows.reviewing.prompts import pack_prompt, shared_prompt

TRIES = 2
#: Seconds before the one further try of a reviewer whose request the network or the provider broke.
PAUSES = (1.0,)


async def find(context: RunContext, pack: Pack) -> Found:
    """What the reviewer of this pack reports and the code bears out. A reviewer that fails costs its pack only."""
    context.emit(EventKind.PACK_STARTED, pack.name, pack=pack.name)
    sources = await context.workbench.read(context.repository, context.review_spec, pack.files)
    request = _request(context, pack, sources)
    key = _key(request)
    kept = context.ledger.cache_get("review", key)
    answer, failure = (kept, None) if kept is not None else await _ask(context, request)
    found = Found(pack, failure=failure, kept=kept is not None)
    if answer is not None:
        context.ledger.cache_put("review", key, dict(answer))
        reported = [one.finding() for one in ReviewAnswer.model_validate(answer).findings]
        grounded = ground(reported, sources, pack.parts)
        found = Found(pack, grounded.kept, len(grounded.voided), None, found.kept)
    context.emit(
        EventKind.PACK_FINISHED,
        pack.name,
        pack=pack.name,
        ok=failure is None,
        reason=failure or "",
        findings=len(found.findings),
        kept=found.kept,
    )
    return found


def _request(context: RunContext, pack: Pack, sources: Mapping[str, Source]) -> SessionRequest:
    reviewer = context.agents["reviewer"]
    return context.request(
        CallKind.REVIEW,
        reviewer,
        reviewer.tier,
        prompt=pack_prompt(pack.parts, sources),
        schema=schema_of(ReviewAnswer),
        worktree=context.empty_folder,
        subtask=pack.name,
        shared=shared_prompt(context.rules, context.scope),
    )


async def _ask(context: RunContext, request: SessionRequest) -> tuple[Mapping[str, Any] | None, str | None]:
    """The answer, or why there is none. Raises UpstreamError when nobody gets answers any more."""
    reason = "no answer"
    for attempt in range(1, TRIES + 1):
        try:
            result = await context.desk.run(_labelled(request, attempt), "review", pauses=PAUSES)
        except UpstreamError as error:
            if context.workbench.is_outage(len(context.scope.packs)):
                raise
            return None, error.message
        context.workbench.answered()
        if result.output is not None:
            return result.output, None
        reason = result.failure.reason if result.failure else reason
    return None, reason


def _labelled(request: SessionRequest, attempt: int) -> SessionRequest:
    return replace(request, label=replace(request.label, attempt=attempt))


def _key(request: SessionRequest) -> str:
    """What an answer depends on: the same text to the same model under the same instructions."""
    agent = request.agent
    identity = [agent.prompt, agent.effort, request.model, request.shared, request.prompt, request.schema]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
