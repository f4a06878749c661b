"""Numbers that two changes both take: migrations are carried out by them, and git sees no conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_FOLDERS = frozenset({"migration", "migrations", "migrate", "versions"})
_NUMBER = re.compile(r"[VvUu]?0*(\d+)(?=[_.-])")


def taken_twice(mine: Iterable[str], theirs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of added paths, one of each side, that stand in the same folder of migrations under the same number."""
    there = {place: path for path in theirs if (place := _place(path)) is not None}
    pairs = ((path, there.get(place)) for path in mine if (place := _place(path)) is not None)
    return tuple((path, other) for path, other in pairs if other is not None and _entry(path) != _entry(other))


def is_numbered(path: str) -> bool:
    """Whether the path is a migration's, with its number."""
    return _place(path) is not None


def _place(path: str) -> tuple[str, int] | None:
    folder, name = _entry(path)
    found = _NUMBER.match(name)
    return (folder, int(found[1])) if found else None


def _entry(path: str) -> tuple[str, str]:
    """The folder of migrations and what stands right in it: a file, or a folder of one migration's files."""
    parts = PurePosixPath(path).parts
    below = [n for n, part in enumerate(parts[:-1], start=1) if part in _FOLDERS]
    return ("/".join(parts[: below[-1]]), parts[below[-1]]) if below else ("", "")
