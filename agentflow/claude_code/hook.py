"""`agentflow-hook`: the entry point of agentflow's hooks in a person's own Claude Code session.

    agentflow-hook SessionStart

One event is answered so far: a session that starts in a repository with an unfinished run is told of it. Put it into
`.claude/settings.json`:

    {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "agentflow-hook SessionStart"}]}]}}

A hook must never break a session: whatever goes wrong, it says nothing and exits with 0. It reads the ledger with the
standard library alone, since it starts with every session.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
from pathlib import Path

from agentflow.config.paths import ledger_path

_UNFINISHED = """
    SELECT id, goal, status FROM runs
    WHERE common_dir = ? AND workflow = 'run' AND status IN ('planned', 'running', 'stopped', 'interrupted')
    ORDER BY created_at DESC LIMIT 1
"""


def main() -> None:
    """The console script."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, sqlite3.Error):
        if sys.argv[1:] == ["SessionStart"]:
            folder = Path(json.load(sys.stdin)["cwd"])
            if (message := unfinished_run(folder)) is not None:
                sys.stdout.write(message + "\n")


def unfinished_run(folder: Path) -> str | None:
    """One line about the unfinished run of the repository that `folder` is in; None when there is none."""
    common_dir, ledger = _common_dir(folder.resolve()), ledger_path()
    if common_dir is None or not ledger.is_file():
        return None
    with contextlib.closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
        row = connection.execute(_UNFINISHED, (str(common_dir),)).fetchone()
    if row is None:
        return None
    run_id, goal, status = row
    return f"agentflow run {run_id} ({goal!r}) is unfinished here ({status}); to go on: agentflow resume {run_id}"


def _common_dir(folder: Path) -> Path | None:
    """The repository's git directory, shared by its linked worktrees."""
    for place in (folder / ".git", *(parent / ".git" for parent in folder.parents)):
        if place.is_dir():
            return place
        if place.is_file():
            own = (place.parent / place.read_text().removeprefix("gitdir:").strip()).resolve()
            shared = own / "commondir"
            return (own / shared.read_text().strip()).resolve() if shared.is_file() else own
    return None
