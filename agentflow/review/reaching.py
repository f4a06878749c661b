"""What a change reaches beyond its own lines: the definitions it lies in, and whatever names what it defines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from agentflow.review.definitions import Definition, signatures
from agentflow.review.parsing import definitions_of
from agentflow.review.source import Source

_WORD = re.compile(r"[\w$]+")
_KEYWORDS = (
    r"def(?:p|macro|module)?|class|interface|struct|enum|trait|protocol|union|record|namespace|module|object|extension"
    r"|actor|mod|type|impl|func|fun|fn|function\s*\*?|sub|macro_rules!"
)
_NAMED = (
    re.compile(rf"\b(?:{_KEYWORDS})\s+(?:\([^)]*\)\s*)?(?:self\.)?([\w$]+)"),
    re.compile(r"([\w$]+)\s*(?::[^=(]*)?[=:]\s*(?:async\b|function\b|class\b|\(|[\w$]+\s*=>)"),
    re.compile(r"([\w$~]+)\s*(?:<[^()]*>)?\s*\("),
)
#: A name that gets a value; that of an object's field is known beyond its definition.
_BOUND = re.compile(
    r"(?:^|[\s(,*&])(?P<field>self\.|this\.|@+)?(?P<name>[A-Za-z_$][\w$]*)\s*(?::\s*[\w.\[\]<>| ]+)?"
    r"(?:(?:[-+*/%|&^]|<<|>>|//|\*\*)?=(?![=>])|:=|\+\+|--|\s+in\b)"
)
_IMPORT = re.compile(r"^\s*(?:import|from|use|require|include|using)\b(.*)")
#: Definitions that are used under the name of what they stand in.
_MAKERS = frozenset({"__init__", "__new__", "constructor", "initialize", "new"})
#: Shorter names stand for something else too often.
_SHORTEST = 3


class Reach:
    """The reach of all changes in some files."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._changed = {source.path: _Changed(source) for source in sources if source.changed is not None}

    @cached_property
    def _names(self) -> frozenset[str]:
        found = (name for changed in self._changed.values() for name in changed.names())
        return frozenset(name for name in found if len(name) >= _SHORTEST)

    def includes(self, path: str, lines: Iterable[int]) -> bool:
        """Whether a change reaches one of the lines.

        Such a line heads a definition with a change, uses a name that a change in it gives a value, or names what a
        change defines for all.
        """
        changed = self._changed.get(path)
        return changed is not None and any(
            changed.is_near(line) or not self._names.isdisjoint(changed.words(line)) for line in lines
        )


@dataclass(frozen=True)
class _Changed:
    """A file with changes."""

    source: Source

    @cached_property
    def _definitions(self) -> tuple[Definition, ...]:
        return definitions_of(self.source)

    @cached_property
    def _texts(self) -> tuple[tuple[int, str], ...]:
        """Changed and removed lines, each with the line where it stands or stood."""
        last = len(self.source.lines)
        present = ((n, self.source.lines[n - 1]) for a, b in self.source.changed or () for n in range(a, b + 1))
        gone = ((min(n, last), line) for n, lines in self.source.removed.items() for line in lines)
        return (*present, *gone)

    @cached_property
    def _bound(self) -> dict[Definition | None, frozenset[str]]:
        """By the innermost definition, the names that changes in it give a value; a changed head gives its new ones."""
        found: dict[Definition | None, set[str]] = {}
        for line, text in self._texts:
            holder = self._holder(line)
            heads = holder is not None and line == holder.line
            found.setdefault(holder, set()).update(self._new_words(line) if heads else _locals(text))
        return {holder: frozenset(names) for holder, names in found.items()}

    def _new_words(self, line: int) -> set[str]:
        """The words of a line that were not, or are no longer, in what stood in its place."""
        before = {word for text in self.source.removed.get(line, ()) for word in _WORD.findall(text)}
        return before.symmetric_difference(self.words(line))

    def _holder(self, line: int) -> Definition | None:
        return next((one for one in reversed(self._definitions) if one.first <= line <= one.last), None)

    def is_near(self, line: int) -> bool:
        holder = self._holder(line)
        if holder is None or holder not in self._bound:
            return False
        return holder.first <= line <= holder.line or not self._bound[holder].isdisjoint(self.words(line))

    def words(self, line: int) -> list[str]:
        return _WORD.findall(self.source.lines[line - 1])

    def names(self) -> Iterator[str]:
        """What the changes define for all: the definitions around them, fields, and names outside of definitions."""
        for holder, names in self._bound.items():
            yield from names if holder is None else self._names_of(holder)
        gone = [line for lines in self.source.removed.values() for line in lines]
        yield from (name for _, signature in signatures(gone) for name in _defined(signature))
        yield from (found["name"] for _, text in self._texts for found in _BOUND.finditer(text) if found["field"])

    def _names_of(self, holder: Definition) -> Iterator[str]:
        name = _defined(self.source.lines[holder.line - 1])
        yield from name
        if not _MAKERS.isdisjoint(name):
            around = [one for one in self._definitions if one.first < holder.first and holder.last <= one.last]
            yield from (outer for one in around[-1:] for outer in _defined(self.source.lines[one.line - 1]))


def _defined(signature: str) -> Sequence[str]:
    """The name that a definition's line gives; empty when there is none."""
    found = (pattern.search(signature) for pattern in _NAMED)
    return next(([name[1]] for name in found if name), [])


def _locals(line: str) -> list[str]:
    """The names that a line imports, or gives a value."""
    if found := _IMPORT.match(line):
        return _WORD.findall(found[1])
    return [found["name"] for found in _BOUND.finditer(line)]
