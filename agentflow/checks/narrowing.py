"""Running only some test files with a check."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_PYTEST = re.compile(r"(?:^|[\s/])(?:pytest|py\.test)(?=\s|$)")


def narrowed(command: str, files: Sequence[str], root: Path) -> str | None:
    """The line that runs only these test files with a command of the repository at `root`; None where none is known."""
    found = _PYTEST.search(command)
    if found is None or re.search(r"[;&|<>`$()]", command):
        return None
    start, rest = command[: found.end()], shlex.split(command[found.end() :])
    options = [word for word in rest if not (root / word.partition("::")[0]).exists()]
    return f"{start} {shlex.join([*options, *files])}"
