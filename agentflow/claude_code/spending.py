"""The ledger of a person's own sessions: on SubagentStop, Stop and SessionEnd what they cost is booked.

Nobody waits for it: the hook starts a bookkeeper, a process of its own, and ends. SessionStart opens an account for the
session and has those of killed sessions of the same folder brought up to date.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agentflow.claude_code.sessions import path_of, session
from agentflow.config.nesting import INSIDE

#: How a session begins that has no answers of another one.
NEW = ("startup", "clear")
#: It gives way to the person's work, from its first import on.
_BOOKKEEPER = "import os; os.nice(10); from agentflow.claude_code.bookkeeping import main; main()"


def handle(event: dict[str, Any], rules: dict[str, Any]) -> None:  # noqa: ARG001  every handler is given the rules
    """Open an account, or have one brought up to date. A worker of a run is on the run's own bill."""
    transcript, folder = event.get("transcript_path"), str(event.get("cwd") or Path.cwd())
    if not isinstance(transcript, str) or not transcript or any(os.environ.get(name) for name in INSIDE):
        return
    path = Path(transcript)
    if event.get("hook_event_name") == "SessionStart":
        open_account(path, folder, is_new=event.get("source") in NEW)
        start_bookkeeper(folder, list(unread(path.parent, but=path)))
    elif path.exists():
        start_bookkeeper(folder, [path])


def account_key(transcript: Path) -> str:
    """Under which name a session's account is kept: beside its state, since its lock is held for longer."""
    return f"{transcript.stem}.account"


def open_account(transcript: Path, folder: str, *, is_new: bool) -> None:
    """From now on this session's answers count; those in it already belong to the past or to another session."""
    with session(account_key(transcript)) as account:
        if not account:
            account.update(since=0.0 if is_new else time.time(), folder=folder)


def unread(project: Path, but: Path) -> Iterator[Path]:
    """Transcripts of this project with an account, changed since it was brought up to date."""
    if not project.is_dir():
        return
    for path in project.glob("*.jsonl"):
        account = Path(path_of(account_key(path)))
        if path != but and account.exists() and account.stat().st_mtime < max(_changes(path)):
            yield path


def _changes(transcript: Path) -> Iterator[float]:
    """When the session's transcript and those of its sub-agents were last written to."""
    yield transcript.stat().st_mtime
    for path in (transcript.with_suffix("") / "subagents").rglob("agent-*.jsonl"):
        yield path.stat().st_mtime


def start_bookkeeper(folder: str, transcripts: Iterable[Path]) -> None:
    """A process that outlives this one, for transcripts of sessions in this folder."""
    if names := [str(path) for path in transcripts]:
        # -P: nothing is imported from the folder it starts in.
        command = [sys.executable, "-P", "-c", _BOOKKEEPER, folder, *names]
        quiet = subprocess.DEVNULL
        subprocess.Popen(command, cwd=os.sep, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
