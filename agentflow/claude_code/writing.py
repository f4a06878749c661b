"""PostToolUse: who wrote what, and when, noted for the proof gate in a line of a file beside the session's state.

An edit names its file. A command does not: it is noted from when to when it ran, and what changed on disk meanwhile is
taken for its work. A line is a JSON array: the end, how long it took (null: it goes on in the background), the agent
(empty: the session itself), the file or null, the folder. Times in seconds since the epoch.
"""

from __future__ import annotations

import json
import os
import time

from agentflow.claude_code import places
from agentflow.claude_code.sessions import path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The word in place of a file in the line of an agent that has stopped.
STOPPED = ""


def handle(event: dict[str, Any], rules: dict[str, Any]) -> None:  # noqa: ARG001  every handler is given the rules
    given = event.get("tool_input")
    call: dict[str, Any] = given if isinstance(given, dict) else {}
    folder = str(event.get("cwd") or "")
    if event.get("tool_name") == "Bash":
        took = None if call.get("run_in_background") else _seconds(event.get("duration_ms"))
        _note(event, took, None, folder)
        return
    named = call.get("file_path") or call.get("notebook_path")
    if isinstance(named, str) and named:
        _note(event, _seconds(event.get("duration_ms")), os.path.realpath(os.path.join(folder, named)), folder)


def note_stop(event: dict[str, Any]) -> None:
    """From now on the agent of this event is not in mid-work, until it writes again."""
    _note(event, 0.0, STOPPED, str(event.get("cwd") or ""))


def log_of(session_id: str) -> str:
    return path_of(session_id).removesuffix(".json") + ".writes"


def _note(event: dict[str, Any], took: float | None, path: str | None, folder: str) -> None:
    """One write of a whole line, so that parallel hooks do not cut into each other."""
    line = json.dumps([_begun(), took, str(event.get("agent_id") or ""), path, folder]).encode() + b"\n"
    place = log_of(str(event.get("session_id") or ""))
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    with open(place, "ab", buffering=0, opener=places.private) as log:
        log.write(line)


def _seconds(milliseconds: object) -> float:
    return float(milliseconds) / 1000 if isinstance(milliseconds, int | float) else 0.0


def _begun() -> float:
    """When this process was started, just after the tool had ended: on a busy machine Python takes time to get here."""
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return time.time()
