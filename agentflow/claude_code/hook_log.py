"""What hooks decided, and what went wrong: `hooks/hook.log` in the state folder. Writing it never fails."""

from __future__ import annotations

import contextlib
import os
import time
import traceback

from agentflow.claude_code import places

#: Bytes; a full log becomes `hook.log.1`, in place of the one before.
FULL = 256 * 1024


def write(where: str, error: BaseException) -> None:
    """Append one error of ours, with the way to it."""
    note(where, "\n" + "".join(traceback.format_exception(error)).rstrip("\n"))


def note(where: str, what: str) -> None:
    """Append what was done, or went wrong, at some place."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = os.path.join(places.hooks_dir(), "hook.log")
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if os.path.exists(path) and os.path.getsize(path) > FULL:
            os.replace(path, path + ".1")
        from agentflow.config.secrecy import redact

        text = redact(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {where!r:.80} {what}\n")
        with open(path, "a", encoding="utf-8", errors="backslashreplace", opener=places.private) as file:
            file.write(text)
