"""The PATH on which agentflow looks for what it starts outside of a sandbox: no folder that a repository fills.

A folder named relative to where one stands holds, in a repository, what that put there. So does one inside it: an
activated virtualenv may be tracked, and its `git` anybody's. Checks, in their sandbox, see the user's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from agentflow.config.paths import repository_root
from agentflow.config.trust import main_checkout

#: The user's PATH by what is left of it.
_whole: dict[str, str] = {}


def leave_out_repository(folder: Path) -> None:
    """Look for no program in the repository around `folder`, nor in the checkout it is linked to, from now on.

    Where nothing is left, the system's own folders are; an empty PATH, which would be the current folder, is none.
    """
    whole, root = users_path(), repository_root(folder)
    checkouts = [os.path.realpath(one) for one in ((root, main_checkout(root)) if root else ()) if one]
    kept = os.pathsep.join(entry for entry in _entries() if not _is_foreign(entry, checkouts))
    left = kept or (os.defpath if whole else os.devnull)
    _whole[left] = whole
    os.environ["PATH"] = left


def users_path() -> str:
    """The PATH that the user started agentflow with."""
    path = os.environ.get("PATH", os.defpath)
    return _whole.get(path, path)


def without_left_out(path: str, kept: Collection[str] = ()) -> str:
    """A PATH made from the user's, without what agentflow's own leaves out; the entries in `kept` stay."""
    left_out = {*users_path().split(os.pathsep)} - {*_entries(), *kept}
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if entry not in left_out)


def _entries() -> list[str]:
    return os.environ.get("PATH", os.defpath).split(os.pathsep)


def _is_foreign(entry: str, checkouts: Collection[str]) -> bool:
    """The folder that agentflow itself was started from is as good as agentflow."""
    place = Path(os.path.realpath(entry))
    is_own = place == Path(sys.executable).parent.resolve()
    return not Path(entry).is_absolute() or (not is_own and any(map(place.is_relative_to, checkouts)))
