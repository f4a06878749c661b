"""One session of a synthesizer or verifier, asked once more when its answer is of no use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from agentflow.config.answers import schema_of
from agentflow.domain.agents import Agent
from agentflow.domain.calls import CallKind
from agentflow.domain.tiers import Tier
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.answers import lists
from agentflow.workflows.reviewing.prompts import with_reason

TRIES = 2


async def ask(
    context: RunContext, kind: CallKind, agent: Agent, tier: Tier, *, name: str, prompt: str, answer: type[BaseModel]
) -> tuple[Mapping[str, Any] | None, str]:
    """The answer, of which only its lists are sure, or None and why there is none.

    Who is asked again is told what was wrong. An outage stops the run instead, to be resumed.
    """
    reason, asked = "no answer", prompt
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
        result = await context.desk.run(request, kind.value)
        if result.output is not None:
            return result.output, ""
        reason = result.failure.reason if result.failure else reason
        asked = with_reason(prompt, reason)
    return None, reason
