"""What a change needs to be understood: the definitions it lies in, and the names that these use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agentflow.domain.reviews import Case
from agentflow.review.definitions import Definition
from agentflow.review.grammars import grammar_of, is_code
from agentflow.review.parsing import definitions_of
from agentflow.review.source import Source, Span, changes_of, joined, meets
from agentflow.review.symbols import Use, imports_of, symbols_of, uses_of, words_of

#: Names of one case that are looked for, and lines of it that are read for names.
MOST_NAMES, _MOST_LINES = 40, 600
#: Lines outside of functions that are one case.
_STRETCH = 40
#: Shorter names stand for something else too often.
_SHORTEST, _TELLING = 2, 4
#: Languages in which a bare name that is neither defined nor imported in the file is the language's own.
_EXPLICIT = frozenset({"tree_sitter_python", "tree_sitter_typescript", "tree_sitter_rust"})
#: What the languages' own values can do: of such a name nobody knows whose it is when it is reached through a value.
_COMMON_NAMES = """
    add all any append apply call catch clear close concat contains copy count decode delete each encode endswith
    extend filter find first flush forEach format get has index indexOf insert invoke isEmpty is_empty items iter
    join keys last len length lower map match next open pop print push put read reduce remove replace reverse run
    search send set size slice sort split start startswith stop strip sub test then toString trim unwrap update
    upper value values write
"""
_COMMON = frozenset(_COMMON_NAMES.split())
_BOUND = re.compile(r"(?<![\w$])([A-Za-z_$][\w$]*)\s*(?::\s*[\w.\[\]<>| ]+)?\s*(?:=(?![=>])|:=|\bin\b)")
_ANY_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_LAST_WORD = re.compile(r"([A-Za-z_$][\w$]*)\s*(?:\[[^\]]*\]\s*)?(?=[,)=]|$)")
#: Where the type stands before a parameter, or after it without a sign: a type is nothing of the function's own.
_PARAMETERS = {
    **dict.fromkeys(("tree_sitter_c", "tree_sitter_cpp", "tree_sitter_java", "tree_sitter_c_sharp"), _LAST_WORD),
    "tree_sitter_go": re.compile(r"([A-Za-z_]\w*)(?:\s+[^,()]+)?\s*[,)]"),
}
_RECEIVER = re.compile(r"\s*func\s*\(\s*\w*\s*\*?\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Need:
    """A name that a case uses, `distance` lines from the nearest change.

    `bare`, `member`: it is used alone, and of something else. `telling`: hardly anything else is called so.
    `anywhere`: it may be defined in a file that is not imported.
    """

    name: str
    distance: int
    bare: bool
    member: bool
    called: bool
    telling: bool
    anywhere: bool


def cases_of(source: Source) -> tuple[Case, ...]:
    """The outermost functions in which something is changed, and the changed lines outside of them, in their order.

    A file that is read whole is one case.
    """
    if not is_code(source.path):
        return ()
    if source.changed is None:
        return (Case(source.path, 1, len(source.lines)),) if source.lines else ()
    changes, functions = changes_of(source), _functions(source)
    touched = [(one.first, one.last) for one in functions if meets(changes, one.first, one.last)]
    imported = joined(imports_of(source))
    bare = (n for a, b in changes for n in range(a, b + 1) if not meets(touched, n, n) and not meets(imported, n, n))
    runs = (piece for run in joined((n, n) for n in bare if source.lines[n - 1].strip()) for piece in _stretches(run))
    return tuple(Case(source.path, *span) for span in sorted({*touched, *runs}))


def needs_of(source: Source, case: Case) -> tuple[Need, ...]:
    """The names that may be defined elsewhere, those nearest to a change first."""
    changes = [(case.first, case.last)] if source.changed is None else changes_of(source)
    explicit, bound = is_explicit(source.path), _bound(source, case)
    found: dict[str, Need] = {}
    for use, distance in sorted(_used(source, case, changes), key=lambda used: used[1]):
        if len(use.name) >= _SHORTEST and not (use.name in bound and not use.member and not use.called):
            _add(found, use, distance, explicit=explicit)
    return tuple(found.values())[:MOST_NAMES]


def _functions(source: Source) -> list[Definition]:
    """Those that are in no other function."""
    outermost: list[Definition] = []
    for one in definitions_of(source):
        if not one.is_type and not (outermost and one.last <= outermost[-1].last):
            outermost.append(one)
    return outermost


def _stretches(run: Span) -> Iterator[Span]:
    first, last = run
    return ((n, min(n + _STRETCH - 1, last)) for n in range(first, last + 1, _STRETCH))


def _used(source: Source, case: Case, changes: Sequence[Span]) -> Iterator[tuple[Use, int]]:
    last = min(case.last, case.first + _MOST_LINES)
    for use in uses_of(source, case.first, last):
        yield use, min((max(a - use.line, use.line - b, 0) for a, b in changes), default=0)
    for n, gone in source.removed.items():
        if case.first <= n <= case.last + 1:
            yield from ((use, 0) for line in gone[:_STRETCH] for use in words_of(line, n))
    # Of a method in Go, what it belongs to is made by another function.
    if maker := _RECEIVER.match(source.lines[case.first - 1]):
        yield Use(f"New{maker[1]}", case.first, called=True, member=False), _MOST_LINES


def _add(found: dict[str, Need], use: Use, distance: int, *, explicit: bool) -> None:
    common = use.name in _COMMON
    telling = not common or not use.member
    anywhere = not common and (use.called or use.name[0].isupper()) and (use.member or not explicit)
    known = found.get(use.name) or Need(use.name, distance, not use.member, use.member, use.called, telling, anywhere)
    found[use.name] = replace(
        known,
        bare=known.bare or not use.member,
        member=known.member or use.member,
        called=known.called or use.called,
        telling=known.telling or telling,
        anywhere=known.anywhere or anywhere,
    )


def defined_by(source: Source, case: Case) -> tuple[str, ...]:
    """What the case is called, or gives a name to outside of functions; names that many things have do not count."""
    changes = changes_of(source)
    named = (
        one.name
        for one in symbols_of(source)
        if (one.first, one.last) == (case.first, case.last)
        or (case.first <= one.line <= case.last and meets(changes, one.line, one.line))
    )
    return tuple(dict.fromkeys(name for name in named if len(name) >= _TELLING and name not in _COMMON))


def is_explicit(path: str) -> bool:
    """Whether a name that stands alone is defined in the file, imported by name, or the language's own."""
    grammar = grammar_of(path)
    return grammar is not None and grammar.package in _EXPLICIT


def _bound(source: Source, case: Case) -> frozenset[str]:
    """Names that stand for something of the case's own: its parameters, and what gets a value in it."""
    lines = source.lines[case.first - 1 : case.last]
    head = next((line for line in lines if "(" in line), "")
    grammar = grammar_of(source.path)
    parameters = _PARAMETERS.get(grammar.package if grammar else "", _ANY_WORD).findall(head.partition("(")[2])
    values = (found[1] for line in lines for found in _BOUND.finditer(line[:400]) if not line[:1].strip())
    return frozenset(one for one in (*parameters, *values) if not one[0].isupper())
