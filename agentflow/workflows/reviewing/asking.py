"""One session of a synthesizer or verifier: asked once more when its answer is of no use, not when it is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from agentflow.config.answers import schema_of
from agentflow.domain.agents import Agent
from agentflow.domain.calls import CallKind
from agentflow.domain.tiers import Tier
from agentflow.models.session import SessionRequest
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import lists
from agentflow.workflows.reviewing.prompts import with_reason

TRIES = 2


async def ask(
    context: RunContext,
    kind: CallKind,
    agent: Agent,
    tier: Tier,
    *,
    name: str,
    prompt: str,
    answer: type[BaseModel],
    settles: Callable[[Mapping[str, Any]], bool],
) -> tuple[Mapping[str, Any] | None, str]:
    """The answer, of which only its lists are sure, or None and why there is none.

    One that settles what was asked is kept, and not paid for again. Who is asked again is told what was wrong. An
    outage stops the run instead, to be resumed.
    """
    reason, asked, key = "no answer", prompt, ""
    for attempt in range(1, TRIES + 1):
        request = context.request(
            kind,
            agent,
            tier,
            prompt=asked,
            schema=schema_of(answer),
            accepts=lists(*answer.model_fields),
            worktree=context.empty_folder,
            subtask=name,
            attempt=attempt,
        )
        key = key or answer_key(request)
        if (kept := request.readable(context.ledger.cache_get("review", key))) is not None:
            return kept, ""
        result = await context.desk.run(request, kind.value)
        if result.output is not None:
            if settles(result.output):
                context.ledger.cache_put("review", key, result.output)
            return result.output, ""
        reason = result.failure.reason if result.failure else reason
        asked = with_reason(prompt, reason)
    return None, reason


def answer_key(request: SessionRequest) -> str:
    """What an answer depends on: the same text to the same model under the same instructions."""
    agent = request.agent
    identity = [agent.prompt, agent.effort, request.model, request.shared, request.prompt, request.schema]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
