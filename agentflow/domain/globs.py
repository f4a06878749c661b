"""Git's ignore patterns as anybody may write them: what git takes for a pattern that matches nothing is left out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: A part that ends with half an escape.
_ENDS_OPEN = re.compile(r"(?<!\\)(?:\\\\)*\\(?:/|\Z)")


def ignore_patterns(lines: Iterable[str]) -> GitIgnoreSpec:
    """The lines of an ignore file, ready to be matched; those that cannot match anything are dropped."""
    from pathspec import GitIgnoreSpec

    closed = [line for line in lines if not _ENDS_OPEN.search(line)]
    with warnings.catch_warnings():  # of how Python may one day read `[a[b]`
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return GitIgnoreSpec.from_lines(closed)
        except (re.error, ValueError, OverflowError):
            return GitIgnoreSpec.from_lines(filter(_can_be_read, closed))


def _can_be_read(line: str) -> bool:
    """False of `[z-a]`, say: a range that runs backwards."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except (re.error, ValueError, OverflowError):
        return False
    return True
