"""The fixes that are undone and the lines that prove each defect: the tables beside this file, one a language.

Chosen by rule, not by taste: of each package's history, newest first, the three or four commits that say they fix
something, change tests, and change at most three source files in at most six places and sixty lines. Left out were
those that change no behaviour (types, words, dependencies, speed) and those that mend several unrelated things.

repository: where it is from; commit: the fix; hunks: of its change to a file that holds tests as well, only these
defect:     what is wrong without the fix
facts:      `file:line text`, a line without the fix that somebody has to see who proves the defect from the code, and
            some words of it, so that a slip shows; of several in a list any one will do. Written down before anybody
            looked at what reviewers are shown. What everybody knows of a language or a protocol is no fact.
            `-file text`: a line of the fix itself, removed by undoing it, tells as much; these count in a column of
            their own only, and stand where the code alone was found not to be enough
outside:    what else the proof needs and the repository does not hold: such a defect counts as missed
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

#: By table, the language's name and the files that are its source.
LANGUAGES = {
    "c": ("C", (".c", ".h")),
    "csharp": ("C#", (".cs",)),
    "go": ("Go", (".go",)),
    "java": ("Java", (".java",)),
    "javascript": ("JavaScript", (".js",)),
    "php": ("PHP", (".php",)),
    "python": ("Python", (".py",)),
    "ruby": ("Ruby", (".rb",)),
    "rust": ("Rust", (".rs",)),
    "typescript": ("TypeScript", (".ts",)),
}
#: What holds tests; the rest of a fix is undone.
NO_SOURCE = re.compile(r"(^|/)([Tt]ests?|specs?)/|(^|/)tests?[._]|[._]test\.|Tests?\.\w+$|[._-]spec\.")
_FACT = re.compile(r"(?:-(?P<gone>\S+)|(?P<file>\S+):(?P<line>\d+)) (?P<words>.+)")


@dataclass(frozen=True)
class Fact:
    """A line, 1-based, of a file as it is without the fix, and some words that stand in it; None: a removed line."""

    file: str
    line: int | None
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.words}" if self.line else f"-{self.file} {self.words}"


#: What has to be known: it stands in each of these lines.
Need = tuple[Fact, ...]


@dataclass(frozen=True)
class Fix:
    """One fix, the defect without it, and what proves that."""

    language: str
    repository: str
    commit: str
    defect: str
    needs: tuple[Need, ...]
    hunks: tuple[int, ...] | None = None
    outside: str = ""

    @property
    def name(self) -> str:
        return f"{self.repository}@{self.commit}"


def fixes(folder: Path) -> list[Fix]:
    """All fixes of the tables in a folder."""
    return [fix for table in sorted(folder.glob("*.toml")) for fix in _fixes(table)]


def source_files(fix: Fix, changed: list[str]) -> tuple[str, ...]:
    """Of the files that the fix changes, those that are undone."""
    suffixes = next(suffixes for name, suffixes in LANGUAGES.values() if name == fix.language)
    return tuple(file for file in changed if file.endswith(suffixes) and not NO_SOURCE.search(file))


def _fixes(table: Path) -> list[Fix]:
    language, _ = LANGUAGES[table.stem]
    entries = tomllib.loads(table.read_text(encoding="utf-8"))["fix"]
    return [_fix(language, **entry) for entry in entries]


def _fix(language: str, facts: list[str | list[str]], hunks: list[int] | None = None, **entry: str) -> Fix:
    kept = None if hunks is None else tuple(hunks)
    return Fix(language, needs=tuple(map(_need, facts)), hunks=kept, **entry)


def _need(texts: str | list[str]) -> Need:
    return tuple(map(_fact, [texts] if isinstance(texts, str) else texts))


def _fact(text: str) -> Fact:
    found = _FACT.fullmatch(text)
    if found is None:
        raise ValueError(f"no fact: {text!r}")
    gone = found["gone"]
    return Fact(gone, None, found["words"]) if gone else Fact(found["file"], int(found["line"]), found["words"])
