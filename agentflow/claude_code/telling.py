"""What is said to the person, and not to the model: as a notice, once a session."""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import Any

from agentflow.claude_code import places, sessions
from agentflow.domain.text import shown

#: Characters of one notice.
LONGEST = 600


def notice(message: str) -> dict[str, Any]:
    return {"systemMessage": f"agentflow: {shown(message)[:LONGEST]}"}


def once(session_id: str, message: str) -> dict[str, Any] | None:
    """The notice, if this session has not had it."""
    try:
        with sessions.session(session_id) as state:
            told = state.get("told", [])
            if message in told:
                return None
            state["told"] = [*told, message][-50:]
    except (OSError, TimeoutError):
        return notice(message) if _is_first(session_id, message) else None
    return notice(message)


def _is_first(session_id: str, message: str) -> bool:
    """Where nothing can be remembered in the state folder, a mark in the folder for temporary files does it."""
    name = hashlib.sha256(f"{os.getuid()} {session_id} {message}".encode("utf-8", "replace")).hexdigest()[:24]
    try:
        path = os.path.join(tempfile.gettempdir(), f"agentflow-told-{name}")
        os.close(places.private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    except OSError:
        pass
    return True
