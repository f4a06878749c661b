"""Models by name in a person's own session: which one is in use, and which tier a name belongs to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agentflow.claude_code import plain_json
from agentflow.domain.tiers import Tier

#: Bytes at the end of a transcript in which the newest answer is looked for.
_TAIL = 1024 * 1024


def tier_of(model: str) -> str | None:
    """The tier that a model's name or alias says: `haiku` for `claude-haiku-5-5`; None when it says none."""
    return next((tier.value for tier in Tier if tier is not Tier.LOCAL and tier.value in model.lower()), None)


def model_in_use(event: dict[str, Any]) -> str | None:
    """The model that answered last in the conversation of this event; None when its transcript does not say."""
    path = Path(str(event.get("transcript_path") or ""))
    if agent := event.get("agent_id"):
        path = path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl"
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return None
    return next((model for line in reversed(lines) if (model := _model(line))), None)


def _model(line: bytes) -> str | None:
    """The model of an answer; None for any other line."""
    if b'"assistant"' not in line:
        return None
    try:
        entry = plain_json.parsed_dict(line)
    except ValueError:
        return None  # cut off at its beginning, or still being written
    message = entry.get("message")
    model = message.get("model") if entry.get("type") == "assistant" and isinstance(message, dict) else None
    return model if isinstance(model, str) and model != "<synthetic>" else None
