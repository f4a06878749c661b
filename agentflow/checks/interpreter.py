"""Every Python of a check: made to load the worktree's code where the checkout is installed, and asked what it did."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agentflow.config.reading import open_file

#: Put first on PYTHONPATH. Plain code for the user's interpreter, which imports nothing of agentflow.
SHIM = Path(__file__).parent / "shim"
_MAX_BYTES = 1024 * 1024
_MOST_FILES = 1000
_MOST_NAMES = 3


def with_shim(env: Mapping[str, str], worktree: Path, roots: Sequence[Path]) -> dict[str, str]:
    """The environment in which Python imports from `worktree` what is installed in place from one of `roots`.

    `roots` are source trees that the worktree stands for: the user's checkout, and what a set-up was run in. Their
    virtualenvs stay what they are.
    """
    paths = (str(SHIM), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep)))
    return {
        **env,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "AGENTFLOW_CHECK_WORKTREE": str(worktree),
        "AGENTFLOW_CHECK_ROOTS": os.pathsep.join(map(str, roots)),
    }


def loaded_elsewhere(folder: Path) -> tuple[str, ...]:
    """A doubt where any Python of a check, which left its report in `folder`, loaded the user's own source files."""
    names = sorted(set(_names(folder)))
    if not names:
        return ()
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return (f"loaded {len(names)} module{'s' * (len(names) != 1)} from the user's checkout: {shown}",)


def _names(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("loaded-*"))[:_MOST_FILES]:
        try:
            yield from filter(None, read_plain(path, _MAX_BYTES).decode(errors="replace").splitlines())
        except (OSError, ValueError):
            yield path.name


def read_plain(path: Path, most: int) -> bytes:
    """A regular file of at most `most` bytes: tests could write it, and a link or a pipe is not what a runner writes.

    Raises OSError and ValueError.
    """
    with open_file(path, os.O_NOFOLLOW) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path} is larger than {most} bytes")
    return data
