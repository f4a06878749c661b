"""Shell lines, as far as it must be known which programs they start. Nothing is run by what is read here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

_BETWEEN = re.compile(r"&&|\|\||[;|&\n()]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
#: Programs that run their arguments as a command.
_BEFORE = frozenset({"env", "exec", "time", "nice", "xvfb-run", "cross-env", "dotenv", "c8", "nyc", "timeout"})


def commands(line: str) -> list[list[str]]:
    """The words of each simple command in a line, without leading assignments; quoting that is broken is no command."""
    found = []
    for part in _BETWEEN.split(line):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            words = part.split()
        while words and (_ASSIGNMENT.match(words[0]) or words[0] in _BEFORE):
            words = words[1:]
        if words:
            found.append(words)
    return found


@cache
def _word(names: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(names)
    return re.compile(rf"(?:^|[\s;&|(/'\"])(?:{alternatives})(?=$|[\s;&|)'\"])")


def mentions(line: str, *names: str) -> bool:
    """Whether one of these programs (regular expressions of their names) is a word of the line, by whatever path."""
    return bool(_word(names).search(line))


def calls(*names: str) -> Callable[[str, Path], bool]:
    """`Runner.runs` for a program that is always called by its own name."""
    return lambda line, _worktree: mentions(line, *names)


def is_simple(line: str) -> bool:
    """Whether the line is one command, so that words added at its end are arguments of it."""
    return not re.search(r"[;&|<>()`$\n#]", line)


def with_files(line: str, files: Iterable[str]) -> str | None:
    """The line with files as further arguments, behind `--` for npm; None where it has several parts."""
    if not is_simple(line):
        return None
    words = line.split()
    takes_dashes = words[:1] == ["npm"] and "--" not in words
    return shlex.join([*shlex.split(line), *(["--"] if takes_dashes else []), *files])
