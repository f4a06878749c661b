"""How far the checks of a session are, told from the hook that runs them to the one that writes the status line."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentflow.claude_code import places
from agentflow.config.machine import write_private

#: Seconds after which a hook that said nothing more was killed.
OLD_S = 600.0


def name_of(common_dir: str) -> str:
    """What the checks of sessions in a repository go by."""
    return f"session-{hashlib.sha256(os.fsencode(os.path.realpath(common_dir))).hexdigest()[:16]}"


def tell(common_dir: str, now: Mapping[str, Any]) -> None:
    write_private(_place(common_dir), json.dumps(dict(now)))


def end(common_dir: str) -> None:
    _place(common_dir).unlink(missing_ok=True)


def running(root: str) -> Mapping[str, Any] | None:
    """What was said last of the checks that run in this repository; None where none do."""
    with contextlib.suppress(OSError, ValueError):
        path = _place(places.common_dir(root))
        if time.time() - path.stat().st_mtime < OLD_S:
            found = json.loads(path.read_bytes())
            return found if isinstance(found, dict) else None
    return None


def _place(common_dir: str) -> Path:
    return Path(places.hooks_dir(), "proof", f"{name_of(common_dir)}.now")
