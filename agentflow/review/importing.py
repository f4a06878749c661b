"""Which files of a commit the imports of a file mean, by what paths and names are alike in.

No language's own rules are followed to the letter: a module is the file whose path ends as its name does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from os.path import normpath
from pathlib import PurePosixPath

from agentflow.review.grammars import family_of
from agentflow.review.source import Source
from agentflow.review.symbols import imports_of

#: Files that one import may mean, and imports of a file that are looked at.
_MOST_FILES, _MOST_IMPORTS = 12, 200
#: Files that are imported by the name of their folder; folders that begin no module's name.
_FOLDER_FILES = frozenset({"__init__", "index", "mod", "lib"})
#: Parts of `host/owner/repository`.
_HOSTED = 2
_ROOTS = frozenset({"src", "lib", "java", "kotlin", "python", "main", "app", "include"})

_QUOTED = re.compile(r"""["'<]([\w@./\\+-]+)["'>]""")
_FROM = re.compile(r"from\s+(\.*)\s*([\w.]*)\s+import\s+\(?([\w\s,.*]*)")
_PATH = re.compile(r"(?:crate|super|self|\w+)(?:(?:\.|::|\\)\w+)*")
_STATEMENT = re.compile(
    r"\s*(?:pub\s+)?(?:global\s+)?(?:import|using|use|open|require|library)\s+(?:static\s+)?(.*)", re.DOTALL
)

_OWN = re.compile(r"\b(?:crate|super|self)::|from\s+\.|[\"']\.{1,2}/")

#: The parts of a module's name.
_Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """The words of an import, `*` among them, and the files that it may mean.

    `own`: it is of this commit's own code, of which other files than those may hold what is imported.
    """

    words: frozenset[str]
    files: tuple[str, ...]
    own: bool = True


class Modules:
    """The files of a commit, by the names under which they are imported."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._tops: set[str] = set()
        self._known: dict[str, list[tuple[_Parts, str]]] = {}
        for path in paths:
            parts = _module(path)
            self._tops |= {parts[0], *(after for root, after in pairwise(parts) if root in _ROOTS)}
            self._known.setdefault(parts[-1], []).append((parts, path))
            if path.endswith(".go") and len(parts) > 1:
                self._known.setdefault(parts[-2], []).append((parts[:-1], path))

    def imported(self, source: Source) -> tuple[Import, ...]:
        """What the file imports, each with the files of this commit that it means, if there are any."""
        statements = [one for span in imports_of(source) for one in _statements(source.text(*span))]
        found = (self._import(source.path, text) for text in statements[:_MOST_IMPORTS])
        return tuple(one for one in found if one.files or one.own)

    def _import(self, path: str, text: str) -> Import:
        named = [*_named(path, text)]
        files = dict.fromkeys(file for parts in named for file in self._files(path, parts))
        own = bool(files or _OWN.search(text) or any(parts[0] in self._tops for parts in named))
        return Import(frozenset(re.findall(r"\w+|[*]", text)), tuple(files), own)

    def _files(self, path: str, parts: _Parts) -> Sequence[str]:
        """Those whose names end as the module's does, in as many parts as possible, the nearest ones first."""
        family, own = family_of(path), PurePosixPath(path).parent.parts
        alike = [
            (_likeness(known, parts, own), file)
            for known, file in self._known.get(parts[-1], ())
            if file != path and PurePosixPath(file).suffix[1:].lower() in family
        ]
        best = max((likeness for likeness, _ in alike), default=0)
        if not best:
            return ()
        found = [file for likeness, file in alike if likeness == best]
        nearest = max(shared_folders(file, path) for file in found)
        return [file for file in found if shared_folders(file, path) == nearest][:_MOST_FILES]


def shared_folders(one: str, other: str) -> int:
    """How many folders two files have in common, from the root."""
    pairs = zip(PurePosixPath(one).parent.parts, PurePosixPath(other).parent.parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _module(path: str) -> _Parts:
    pure = PurePosixPath(path)
    stem = pure.name.split(".")[0] or pure.name
    return pure.parent.parts if stem in _FOLDER_FILES and pure.parent.parts else (*pure.parent.parts, stem)


def _likeness(known: _Parts, parts: _Parts, own: _Parts) -> int:
    """In how many of their last parts two names are alike; 0 when that may well be chance."""
    alike = 0
    while alike < min(len(known), len(parts)) and known[-1 - alike] == parts[-1 - alike]:
        alike += 1
    above, begins = known[: len(known) - alike], alike == len(known)
    if alike == len(parts):
        return alike if alike > 1 or begins or above == own or above[-1] in _ROOTS else 0
    # What is left of the module's name is that of the repository, or of a root.
    return alike if (alike > 1 and (begins or above[-1] in _ROOTS)) or (begins and len(parts) > _HOSTED) else 0


def _statements(text: str) -> Iterator[str]:
    """Imports that stand on lines of their own, or go on while brackets are open."""
    open_text = ""
    for line in text.split("\n"):
        open_text = f"{open_text}\n{line}" if open_text else line
        if sum(map(open_text.count, "([{")) <= sum(map(open_text.count, ")]}")) and not line.rstrip().endswith("\\"):
            yield open_text
            open_text = ""
    if open_text:
        yield open_text


def _named(path: str, text: str) -> Iterator[_Parts]:
    """The modules that an import names, as parts of paths; of one that may be a name in a module, both."""
    if found := _FROM.match(text.strip()):
        yield from _from(path, found[1], found[2], found[3])
    elif quoted := _QUOTED.findall(text):
        yield from (parts for one in quoted if (parts := _quoted(path, one)))
    elif told := _STATEMENT.match(text):
        for name in _paths(told[1]):
            parts = tuple(part for part in re.split(r"\.|::|\\", name) if part not in {"crate", "self", "super"})
            yield from (some for some in (parts, parts[:-1]) if some)


def _from(path: str, dots: str, module: str, names: str) -> Iterator[_Parts]:
    """Python's `from`: a module, or modules in a package."""
    base = PurePosixPath(path).parents[min(len(dots), len(PurePosixPath(path).parents)) - 1].parts if dots else ()
    parts = (*base, *filter(None, module.split(".")))
    if parts:
        yield parts
    yield from ((*parts, name) for name in re.findall(r"\b(?!as\b)\w+", names))


def _quoted(path: str, name: str) -> _Parts:
    """A path: from the file's own folder when it says so. In JavaScript a single word is a package."""
    if "/" not in name and "ts" in family_of(path):
        return ()
    folder = PurePosixPath(path).parent
    whole = normpath(folder / name) if name.startswith(".") else name
    return _module(whole) if not whole.startswith("..") else ()


def _paths(text: str) -> Iterator[str]:
    """`a::b`, or `a::b::c` and `a::b::d` of `a::b::{c, d}`."""
    base, brace, names = text.partition("{")
    for path in _PATH.findall(base.split(" as ")[0]):
        yield from ([f"{path}::{name}" for name in re.findall(r"\w+", names)] if brace else [path])
