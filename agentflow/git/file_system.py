"""What git is told in agentflow's own worktrees, whatever the user's checkout is configured for."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

#: A worktree holds what the commit says and nothing of one person's taste: line endings by `.gitattributes` alone, all
#: files, and an index that believes the whole of what the file system says about a file.
AS_COMMITTED = {
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.safecrlf": "false",
    "core.attributesFile": os.devnull,
    "core.sparseCheckout": "false",
    "core.splitIndex": "false",
    "core.untrackedCache": "false",
    "core.ignoreStat": "false",
    "core.trustctime": "true",
    "core.checkStat": "default",
}


def told_by(folder: Path) -> dict[str, str]:
    """Git's settings for what the file system below `folder`, which must exist, can hold.

    `git init` finds them out for the user's checkout, which may be a network share; worktrees lie elsewhere.
    """
    return _tried(folder.stat().st_dev, folder)


@cache
def _tried(_device: int, folder: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix=".agentflow-", dir=folder) as place:
        file = Path(place, "plain")
        file.touch(mode=0o644)
        file.chmod(0o755)
        holds_modes = bool(file.stat().st_mode & 0o100)
        file.chmod(0o644)
        holds_modes &= not file.stat().st_mode & 0o100
        found = {"fileMode": holds_modes, "symlinks": _holds_links(file), "ignoreCase": Path(place, "PLAIN").exists()}
    return {f"core.{name}": str(value).lower() for name, value in found.items()}


def _holds_links(file: Path) -> bool:
    link = file.with_name("link")
    try:
        link.symlink_to(file.name)
    except OSError:
        return False
    return link.is_symlink()
