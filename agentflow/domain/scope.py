"""Write scope: which paths a subtask's `files` globs cover.

Patterns are git's ignore patterns, each anchored at the repository root: `src/auth/**`, `*.py` (top level only),
`**/*.py` (anywhere). As in git, a pattern that names a folder covers everything inside it: `src`, `src/` and `src/*`
all cover `src/a/b.py`. Besides, planners write alternatives as shells know them: `src/**/*.{ts,tsx}`, `@(a|b).py`.
Brackets and braces are also tried as themselves, so that `pages/[id].tsx` covers the file of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from agentflow.domain.globs import ignore_patterns

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: Globs one entry may stand for, and its characters.
MAX_ALTERNATIVES = 200
MAX_LENGTH = 1000

#: First parts by which a path with a leading `/` is one of the machine's, not of the repository's.
_MACHINE = frozenset({"dev", "etc", "home", "mnt", "opt", "private", "proc", "root", "tmp", "usr", "Users", "var"})
_ALTERNATIVES = re.compile(r"([@?])\(([^()]*\|[^()]*)\)")
_EXTENDED = re.compile(r"!\(|[*+@?]\([^()]*\|")
_PLACE = re.compile(r":\d+(?:[-:]\d+)?$")
_DEEP = re.compile(r"\*\*(?=[^/*])")
#: From here on an entry of a scope may be anything but a name.
_SIGN = re.compile(r"[*?+!@|\[\](){}\\]")


def matches_scope(path: str, files: Sequence[str]) -> bool:
    """Whether `path`, relative to the repository root with `/` between its parts, is inside the write scope."""
    return _is_repository_path(path) and _scope(tuple(files)).match_file(path)


def covers_any(files: Sequence[str], paths: Iterable[str]) -> bool:
    """Whether one of these paths is inside the write scope. Most are told apart by how they begin."""
    starts = tuple(_SIGN.split(_inner(entry), maxsplit=1)[0] for entry in files)
    return any(matches_scope(path, files) for path in paths if path.startswith(starts))


@lru_cache(maxsize=1024)
def alternatives(entry: str) -> tuple[str, ...]:
    """The globs without braces that an entry of a scope stands for; the entry itself when it has no alternatives.

    Raises ValueError when they are too many.
    """
    glob = entry.strip()
    if len(glob) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if "\\" in glob or not {"{", "|"} & set(glob):
        return (glob,)
    from bracex import ExpansionLimitException, expand

    too_many = ValueError(f"stands for more than {MAX_ALTERNATIVES} paths; name folders instead")
    if glob.count("{") > MAX_ALTERNATIVES:  # how deep Python itself may go differs from version to version
        raise too_many
    try:
        return tuple(dict.fromkeys(expand(_braced(glob), limit=MAX_ALTERNATIVES)))
    except (ExpansionLimitException, RecursionError):
        raise too_many from None


def named_parts(files: Sequence[str]) -> set[str]:
    """Every name that stands in a scope, of folders and of files, wildcards left as they are."""
    return {part for entry in files for glob in _readable(entry) for part in PurePosixPath(glob).parts}


def scope_error(entry: str) -> str | None:
    """Why an entry cannot be part of a scope, with the right spelling where one can be told; None when it can."""
    glob = entry.strip()
    if not glob or any(ord(c) < 32 for c in glob) or glob.startswith(("~", "-", ":")):
        return "must be a relative path or glob inside the repository"
    if len(glob) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH} characters"
    if (misspelling := next(_misspellings(glob), None)) is not None:
        return misspelling
    try:
        globs = alternatives(glob)
    except ValueError as error:
        return str(error)
    return next((reason for one in globs if (reason := _glob_error(one)) is not None), None)


def is_plain(glob: str) -> bool:
    """Whether a glob without alternatives names one path. Brackets may be part of a name (`[id].tsx`)."""
    return not set(glob) & set("*?") and not glob.endswith("/")


def fixed_part(glob: str) -> str:
    """The folders at the start of a glob that hold no wildcard, joined by `/`; "" when there are none."""
    parts = PurePosixPath(glob.lstrip("/")).parts
    folders = parts if glob.endswith("/") else parts[:-1]
    wild = next((n for n, part in enumerate(folders) if set(part) & set("*?")), len(folders))
    return "/".join(folders[:wild])


def _misspellings(glob: str) -> Iterator[str]:
    """What is wrong with how an entry is written, before anything in it is expanded."""
    if glob[0] in "\"'`":
        yield f"is in quotation marks; write {glob.strip(glob[0])!r}"
    if "\\" in glob:
        yield f"has a backslash; write {_with_slashes(glob)!r}"
    if glob.startswith("!") or "!(" in glob:
        yield "says what may not change; name the paths that may"
    if found := _PLACE.search(glob):
        yield f"names a line; write {glob[: found.start()]!r}"
    if glob.count("{") != glob.count("}"):
        yield "has a brace that does not close"
    if len(parts := _parts(glob)) > 1:
        yield f"is a list in one string; write each path as an entry of its own: {', '.join(map(repr, parts))}"
    if _EXTENDED.search(_braced(glob)):
        yield "is an extended glob that is not understood; name the paths, or write alternatives as {a,b}"


def _glob_error(glob: str) -> str | None:
    path = PurePosixPath(glob)
    if {"..", ".git"} & set(path.parts) or glob.startswith(("~", "-", ":", "!")):
        return "must be a relative path or glob inside the repository"
    if path.is_absolute() and (len(path.parts) > 1 and path.parts[1] in _MACHINE):
        return f"is an absolute path; a path of the repository is written {glob.lstrip('/')!r}"
    if _DEEP.search(glob):
        return f"has ** before other characters; write {_DEEP.sub('**/*', glob)!r}"
    return None


def _parts(glob: str) -> list[str]:
    """The entry cut at its commas, those within brackets or braces left alone."""
    parts, depth = [""], 0
    for character in glob:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _with_slashes(glob: str) -> str:
    """Backslashes before brackets and wildcards are escapes, which a scope needs none of; others part folders."""
    return re.sub(r"\\(?![\[\](){}*?!])", "/", glob).replace("\\", "")


def _braced(glob: str) -> str:
    """`@(a|b)` and `?(a|b)` as braces, innermost first."""
    while True:
        braced = _ALTERNATIVES.sub(
            lambda found: "{" + ("," if found[1] == "?" else "") + found[2].replace("|", ",") + "}", glob
        )
        if braced == glob:
            return glob
        glob = braced


def _is_repository_path(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and not {"..", ".git"} & set(parts)


@lru_cache(maxsize=256)
def _scope(files: tuple[str, ...]) -> GitIgnoreSpec:
    return ignore_patterns(line for entry in files for line in _lines(entry))


def _lines(entry: str) -> list[str]:
    """The entry's alternatives, and the entry as a name, as anchored lines."""
    return [line for glob in dict.fromkeys((*_readable(entry), entry)) for line in _anchored(glob)]


def _readable(entry: str) -> tuple[str, ...]:
    """The entry's alternatives; none when they are too many."""
    try:
        return alternatives(entry)
    except ValueError:
        return ()


def _anchored(pattern: str) -> list[str]:
    """Lines that begin with `/`: anchored, and free of the special meaning of a leading `!` or `#`."""
    inner = _inner(pattern)
    if not inner:
        return ["/**"] if pattern.strip() else []
    literal = inner.replace("[", r"\[").replace("]", r"\]")
    return [f"/{inner}"] if literal == inner else [f"/{inner}", f"/{literal}"]


def _inner(pattern: str) -> str:
    """The pattern from the repository's root on; "" for the whole repository."""
    inner = pattern.strip().removeprefix("./").lstrip("/")
    return "" if inner == "." else inner
