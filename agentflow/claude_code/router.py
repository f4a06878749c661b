"""PreToolUse on the Agent tool: a sub-agent gets the cheaper model that fits what its prompt asks for.

The answer changes the call's `model` and decides nothing: Claude Code asks the person, or not, as it would have. It has
to repeat the whole input to do so, which would undo what another hook made of it: beside one, nothing is changed.
"""

from __future__ import annotations

import os
import time
from typing import Any

from agentflow.claude_code import hook_log, places
from agentflow.claude_code.agent_files import inherits_model
from agentflow.claude_code.classify import Choice, classify
from agentflow.claude_code.in_use import calling_model, tier_of
from agentflow.claude_code.sessions import session
from agentflow.domain.text import shown

#: What the Agent tool takes as `model`, from cheap to dear.
TIERS = ("haiku", "sonnet", "opus", "fable")
#: The agent type that carries on the session itself: Claude Code ignores a model for it.
FORK = "fork"
DEFAULT_TYPE = "general-purpose"
#: How many decisions a session remembers.
KEPT = 200


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    """The call with another model and a notice that says so; None when it stands as it is."""
    call = event.get("tool_input")
    if not isinstance(call, dict) or not isinstance(call.get("prompt"), str):
        return None
    agent = str(call.get("subagent_type") or DEFAULT_TYPE)
    current = _current(event, call)
    chosen = _chosen(event, call, agent, current, rules)
    _remember(event, agent, current, chosen)
    if chosen.tier is None:
        return None
    notice = f"agentflow: {shown(agent)[:60]} runs on {chosen.tier}" + (f", not {current}" if current else "")
    updated = {"hookEventName": "PreToolUse", "updatedInput": {**call, "model": chosen.tier}}
    return {"hookSpecificOutput": updated, "systemMessage": f"{notice}: {chosen.why}"}


def _chosen(
    event: dict[str, Any], call: dict[str, Any], agent: str, current: str | None, rules: dict[str, Any]
) -> Choice:
    """What is settled elsewhere stays; else the person's pin counts, else what the prompt asks for."""
    if settled := _settled(call, agent, rules):
        return Choice(None, settled)
    if agent in rules["pins"]:
        pinned = tier_of(rules["pins"][agent])
        return Choice(pinned if pinned in TIERS else None, "you pinned it")
    if not inherits_model(agent, places.repository_root(str(event.get("cwd") or "."))):
        return Choice(None, "its definition may name a model")
    return _cheaper(classify(call["prompt"]), current)


def _settled(call: dict[str, Any], agent: str, rules: dict[str, Any]) -> str:
    """Why nobody may choose a model here; empty when one may."""
    if rules["rewriters"]:
        return f"{rules['rewriters'][0]} has a hook for Agent of its own"
    if agent == FORK:
        return "a fork runs on the session's model"
    if call.get("model"):
        return "the call names its model"
    return "CLAUDE_CODE_SUBAGENT_MODEL is set" if os.environ.get("CLAUDE_CODE_SUBAGENT_MODEL") else ""


def _cheaper(choice: Choice, current: str | None) -> Choice:
    """The choice, unless it saves nothing: a sub-agent never gets a dearer model than it would have had."""
    if choice.tier is None:
        return choice
    if current not in TIERS:
        return Choice(None, "nobody knows which model it would run on")
    if TIERS.index(choice.tier) >= TIERS.index(current):
        return Choice(None, f"{current} is cheap enough: {choice.why}")
    return choice


def _current(event: dict[str, Any], call: dict[str, Any]) -> str | None:
    """The tier that the sub-agent would run on: the one asked for, else that of whoever starts it."""
    asked = call.get("model")
    return tier_of(asked) if isinstance(asked, str) and asked else tier_of(calling_model(event) or "")


def _remember(event: dict[str, Any], agent: str, current: str | None, chosen: Choice) -> None:
    """Keep the decision with the session and in the hooks' log."""
    decision = {"at": time.time(), "agent": agent, "from": current, "to": chosen.tier, "why": chosen.why}
    hook_log.note("router", f"{agent}: {current or 'unknown'} → {chosen.tier or 'as it is'}, {chosen.why}")
    with session(str(event.get("session_id") or "")) as state:
        state["routed"] = [*state.get("routed", []), decision][-KEPT:]
