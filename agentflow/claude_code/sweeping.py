"""Old state of sessions and rules of repositories that nobody works in any more."""

from __future__ import annotations

import contextlib
import os
import time

from agentflow.claude_code import places

#: Seconds after which a session's state or compiled rules are forgotten, and between two sweeps.
OLD_S = 14 * 24 * 3600
PAUSE_S = 24 * 3600


def sweep() -> None:
    """Remove what is old, at most once a day. What cannot be removed stays."""
    with contextlib.suppress(OSError):
        if _is_due():
            for folder in ("sessions", "compiled", "proof"):
                _sweep(os.path.join(places.hooks_dir(), folder))


def _is_due() -> bool:
    """Whether the last sweep is long ago; from now on it is not."""
    mark = os.path.join(places.hooks_dir(), "swept")
    if os.path.exists(mark) and time.time() - os.path.getmtime(mark) < PAUSE_S:
        return False
    os.makedirs(places.hooks_dir(), mode=0o700, exist_ok=True)
    with open(mark, "w", encoding="utf-8", opener=places.private):
        return True


def _sweep(folder: str) -> None:
    if not os.path.isdir(folder):
        return
    for entry in os.scandir(folder):
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > OLD_S:
                os.unlink(entry.path)
