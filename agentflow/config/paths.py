"""Where things live: per user, never inside the user's checkout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import platformdirs


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


def _directory(variable: str, default: Callable[..., Path]) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen).expanduser().absolute()
    return default("agentflow", appauthor=False)
