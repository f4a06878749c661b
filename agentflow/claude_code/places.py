"""Where a hook finds things, worked out with `os` alone: a hook starts with every tool call and has no time for more.

`agentflow.config.paths` says the same for everybody else; a test holds the two together.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Bytes of a name made from a root or a session's id; file systems take 255, and endings are added.
_NAME_LENGTH = 200
#: Bytes of a file of git's that only leads elsewhere.
_LINK_LENGTH = 4096


def state_dir() -> str:
    """The folder of the ledger and of the hooks' own files (`AGENTFLOW_STATE_DIR`).

    Raises OSError when that names a user without a home.
    """
    if chosen := os.environ.get("AGENTFLOW_STATE_DIR"):
        place = os.path.expanduser(chosen)
        if place.startswith("~"):
            raise OSError(f"AGENTFLOW_STATE_DIR: there is no home folder for {chosen}")
        return os.path.abspath(place)
    given = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(given):
        return os.path.join(given, "agentflow")
    usual = "Library/Application Support" if sys.platform == "darwin" else ".local/state"
    return os.path.join(_home(), usual, "agentflow")


def hooks_dir() -> str:
    """Compiled rules, the sessions' state, the log and the list of trusted repositories."""
    return os.path.join(state_dir(), "hooks")


def ledger_path() -> str:
    return os.path.join(state_dir(), "ledger.db")


def repository_root(folder: str) -> str | None:
    """The nearest folder at or above `folder` that holds a `.git`, symlinks followed; None outside a repository."""
    place = os.path.realpath(folder)
    while not os.path.exists(os.path.join(place, ".git")):
        if place == (above := os.path.dirname(place)):
            return None
        place = above
    return place


def project_root(event: dict[str, Any]) -> str | None:
    """The repository that the session was started in, wherever it has gone since; else the one it is in.

    Raises OSError when the event says nothing and our own folder is gone.
    """
    project = os.environ.get("CLAUDE_PROJECT_DIR")
    found = repository_root(project) if project else None
    return found or repository_root(folder_of(event))


def folder_of(event: dict[str, Any]) -> str:
    """Where the session is; raises OSError when it says nothing and our own folder is gone."""
    given = event.get("cwd")
    return given if isinstance(given, str) and given else os.getcwd()


def common_dir(root: str) -> str:
    """The git directory that all worktrees of the repository share; raises OSError when it cannot be read."""
    place = os.path.join(root, ".git")
    if os.path.isdir(place):
        return place
    own = os.path.realpath(os.path.join(root, _line(place).removeprefix("gitdir:").strip()))
    shared = os.path.join(own, "commondir")
    return os.path.realpath(os.path.join(own, _line(shared))) if os.path.isfile(shared) else own


def file_name(text: str) -> str:
    """A name for a file about `text`, which may be anything: never a path, never too long."""
    safe = "".join(sign if sign.isascii() and sign not in "%/\0" else f"%{ord(sign):X}." for sign in text)
    return safe[-_NAME_LENGTH:]


def _home() -> str:
    """As platformdirs has it: a relative HOME is none."""
    if os.path.isabs(os.environ.get("HOME", "/")):
        return os.path.expanduser("~")
    import pwd

    return pwd.getpwuid(os.getuid()).pw_dir


def _line(path: str) -> str:
    if not os.path.isfile(path):  # a pipe would never end
        raise OSError(f"{path} is no file")
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read(_LINK_LENGTH).strip()


def private(path: str, flags: int) -> int:
    """For `open`: what hooks keep is their user's alone and lies behind no symlink. See `config/machine.py`."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
