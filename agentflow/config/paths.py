"""Where things live: per user, never inside the user's checkout."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs

from agentflow.errors import EnvironmentError_, UsageError

#: Where systems install bubblewrap. Never looked for on PATH: a repository may put a program of its own there.
_SYSTEM = ("/usr/bin", "/usr/local/bin", "/bin", "/run/wrappers/bin", "/run/current-system/sw/bin")


def state_dir() -> Path:
    """The ledger and the run folders (`AGENTFLOW_STATE_DIR`)."""
    return _directory("AGENTFLOW_STATE_DIR", platformdirs.user_state_path)


def cache_dir() -> Path:
    """Worktrees (`AGENTFLOW_CACHE_DIR`)."""
    return _directory("AGENTFLOW_CACHE_DIR", platformdirs.user_cache_path)


def config_dir() -> Path:
    """The user's `config.yaml` and `agents/` (`AGENTFLOW_CONFIG_DIR`)."""
    return _directory("AGENTFLOW_CONFIG_DIR", platformdirs.user_config_path)


def ledger_path() -> Path:
    return state_dir() / "ledger.db"


def run_dir(run_id: str) -> Path:
    """The engine's file, the lock, logs and the agents' private home of one run."""
    return state_dir() / "runs" / run_id


def detached_log(run_id: str) -> Path:
    """What the process of a detached run says."""
    return run_dir(run_id) / "logs" / "detached.log"


def worktrees_dir(run_id: str) -> Path:
    return cache_dir() / "worktrees" / run_id


def environments_dir() -> Path:
    """What set-up made, by what it was made from."""
    return cache_dir() / "environments"


def repository_root(start: Path) -> Path | None:
    """The nearest folder at or above `start` that holds a `.git`; None outside a repository."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def folder_settings() -> Iterator[tuple[str, Path]]:
    """The folders that agentflow keeps things in, each with the variable that moves it."""
    yield "AGENTFLOW_STATE_DIR", state_dir()
    yield "AGENTFLOW_CACHE_DIR", cache_dir()
    yield "AGENTFLOW_CONFIG_DIR", config_dir()


def here() -> Path:
    """The folder the command was started in. Raises EnvironmentError_ when somebody has removed it since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise EnvironmentError_(
            "the folder you are in does not exist any more", hint="go to one that does, or name it: agentflow -C PATH"
        ) from None


def user_home() -> Path:
    """The user's home folder. Raises EnvironmentError_ where neither HOME nor the user database names one."""
    try:
        return Path.home()
    except RuntimeError:
        raise EnvironmentError_("this user has no home folder", hint="set HOME") from None


def expanded(path: str, setting: str) -> Path:
    """The path with `~` and `~user` as folders. Raises UsageError, naming the setting, for a user without a home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = path.partition("/")[0]
        raise UsageError(
            f"{setting}: there is no home folder for {user!r} in {path!r}", hint="write the whole path"
        ) from None


def _directory(variable: str, default: Callable[..., Path]) -> Path:
    if chosen := os.environ.get(variable):
        place = expanded(chosen, variable)
        return place if place.is_absolute() else here() / place
    place = default("agentflow", appauthor=False)
    if not place.is_absolute():
        raise EnvironmentError_("this user has no home folder", hint=f"set HOME, or {variable}")
    return place


def bubblewrap() -> str | None:
    """The sandbox's program, where the system has it."""
    return shutil.which("bwrap", path=os.pathsep.join(_SYSTEM))
