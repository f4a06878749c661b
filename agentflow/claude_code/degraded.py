"""SessionStart and Stop: what keeps hooks from doing their work is told to the person, once a session."""

from __future__ import annotations

import os
from typing import Any

from agentflow.claude_code import places, telling
from agentflow.domain.text import shown

#: Characters of a broken configuration's message.
LONGEST = 300


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    session_id = str(event.get("session_id") or "")
    if rules["error"]:
        first, *others = rules["error"].splitlines()
        said = shown(first)[:LONGEST] + (f" (and {len(others)} more)" if others else "")
        return telling.once(session_id, f"its configuration is broken, hooks go without it, no checks are run: {said}")
    if event.get("hook_event_name") == "SessionStart" and not _can_remember():
        said = f"it cannot write to {places.hooks_dir()}: hooks remember nothing, no checks are run"
        return telling.once(session_id, said)
    if rules["proof"] != "off" and rules["unheard"]:
        events = ", ".join(rules["unheard"])
        return telling.once(session_id, f"its hooks here are of an older version, without {events}: agentflow init")
    return None


def _can_remember() -> bool:
    folder = places.hooks_dir()
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
