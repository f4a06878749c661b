"""Models by name in a person's own session: which one is in use, and which tier a name belongs to."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from agentflow.claude_code import plain_json
from agentflow.domain.tiers import Tier

#: Bytes at the end of a transcript in which the newest answer is looked for.
_TAIL = 1024 * 1024
#: Seconds in which Claude Code writes down the answer whose tool call is asked about; it mostly has already.
_WRITTEN_S, _PAUSE_S = 0.5, 0.02


def tier_of(model: str) -> str | None:
    """The tier that a model's name or alias says: `haiku` for `claude-haiku-5-5`; None when it says none."""
    return next((tier.value for tier in Tier if tier is not Tier.LOCAL and tier.value in model.lower()), None)


def calling_model(event: dict[str, Any]) -> str | None:
    """The model that made the tool call of this event; None when its transcript does not hold the call.

    What answered before it says nothing: the person may have changed the model since.
    """
    path, call = _transcript(event), str(event.get("tool_use_id") or "")
    until = time.monotonic() + _WRITTEN_S
    while call and path.is_file():
        if (model := _caller(path, call)) is not None:
            return model
        if time.monotonic() > until:
            break
        time.sleep(_PAUSE_S)
    return None


def _transcript(event: dict[str, Any]) -> Path:
    path = Path(str(event.get("transcript_path") or ""))
    agent = event.get("agent_id")
    return path.with_suffix("") / "subagents" / f"agent-{agent}.jsonl" if agent else path


def _caller(path: Path, call: str) -> str | None:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return None
    return next((model for line in reversed(lines) if (model := _model(line, call))), None)


def _model(line: bytes, call: str) -> str | None:
    """The model of an answer that holds this call of a tool; None for any other line."""
    if call.encode() not in line:
        return None
    try:
        entry = plain_json.parsed_dict(line)
    except ValueError:
        return None  # cut off at its beginning, or still being written
    message = entry.get("message")
    if (
        entry.get("type") != "assistant"
        or not isinstance(message, dict)
        or not isinstance(message.get("content"), list)
    ):
        return None
    is_made = any(isinstance(block, dict) and block.get("id") == call for block in message["content"])
    model = message.get("model")
    return model if is_made and isinstance(model, str) else None
