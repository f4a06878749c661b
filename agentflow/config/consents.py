"""What users agreed to let run, by repository: a file of agentflow's in the state folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentflow.config.machine import make_folder, write_private
from agentflow.config.paths import state_dir

#: So many of a repository's states are remembered, the newest ones.
_MOST = 50


def consents_path() -> Path:
    """A JSON object: digests of what was agreed to, by the git directory that a repository's worktrees share."""
    return state_dir() / "trust.json"


def consents_to(common_dir: Path) -> tuple[str, ...]:
    """What the user agreed to for this repository, on all of its branches; nothing where the file cannot be read."""
    return _read().get(str(common_dir.resolve()), ())


def consent(common_dir: Path, digest: str) -> None:
    """Remember that the user agrees to this; raises OSError."""
    kept = [known for known in consents_to(common_dir) if known != digest]
    _write({**_read(), str(common_dir.resolve()): (*kept[1 - _MOST :], digest)})


def withdraw(common_dir: Path) -> None:
    """Forget what was agreed to; raises OSError."""
    if known := _read():
        _write({place: digests for place, digests in known.items() if place != str(common_dir.resolve())})


def _read() -> dict[str, tuple[str, ...]]:
    try:
        found = json.loads(consents_path().read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {place: tuple(map(str, digests)) for place, digests in found.items() if isinstance(digests, list)}


def _write(known: dict[str, tuple[str, ...]]) -> None:
    path = consents_path()
    make_folder(path.parent)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(fresh, json.dumps(known, indent=2, sort_keys=True) + "\n")
    fresh.replace(path)
