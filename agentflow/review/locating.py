"""Where names are defined: what a search is to look for, and which of the lines it finds are worth a parse."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agentflow.review.grammars import grammar_of
from agentflow.review.importing import Import
from agentflow.review.needing import Need, is_explicit

_BEFORE, _AFTER = "(^|[^[:alnum:]_$])", "([^[:alnum:]_$]|$)"
_KEYWORDS = (
    "def|class|interface|struct|enum|record|trait|union|function[*]?|fn|fun|func|type|module|object|protocol|extension"
    "|macro_rules!|define|const|let|var|val|static|sub|defp|defmodule|namespace"
)
_CONSTANT = "(const|static|final|constexpr|readonly)[[:space:]]+([[:alnum:]_<>*]+[[:space:]]+)?"
_HEADED = re.compile(rf"(?<![\w$])(?:{_KEYWORDS})\s+(?:\([^)]*\)\s*)?(?:self\.)?([A-Za-z_$][\w$]*)")
_ASSIGNED = re.compile(
    r"(?:^\s?(?:export )?|(?:const|static|final|constexpr|readonly)\s+(?:[\w<>*]+\s+)?)"
    r"([A-Za-z_$][\w$]*)\s*(?:(?::[^=]*|\[[^=]*)?=|(?:struct|interface)\b)"
)
_PROPERTY = re.compile(r"([A-Za-z_]\w*)\s*\{\s*(?:get|set|init)\b")
_CALLABLE = re.compile(r"[^=;(\"'@]*?([A-Za-z_$~][\w$]*)\s*(?:<[^>]*>)?\(")
#: Languages in which a function needs no word before its name.
_WORDLESS = frozenset({"", "tree_sitter_typescript", "tree_sitter_java", "tree_sitter_c_sharp", "tree_sitter_c",
                       "tree_sitter_cpp", "tree_sitter_bash"})  # fmt: skip
#: Languages in which the files of a folder see each other's definitions.
_PACKAGED = frozenset({"tree_sitter_go", "tree_sitter_java", "tree_sitter_c_sharp"})
_NO_FUNCTION = re.compile(
    r"^\s*(?:return|throw|new|else|if|for|while|switch|case|await|yield|delete|assert|goto|in|not|and|or|print|raise)\b"
    r"|[;,]\s*$|\)\s*\.|^\s*(?://|/?\*|#\s)"
)
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__|testdata|fixtures|mocks?)/|(?:^|[/._-])(?:tests?|spec)[._-][^/]*$|Tests?\.\w+$"
)
_NO_USE = re.compile(r"\s*(?:#|//|/?\*|--|import\b|from\b|use\b|using\b|export\s*[*{]|\"\"\")")
#: Characters of a line that are looked at.
_WIDTH = 400
#: Lines that use one name beyond which nobody knows what of it they mean.
MOST_USES = 30
#: Files that one name may be looked for in, where lines look as if they defined it.
_MOST_FILES = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that looks as if it defined the name; `line` is 1-based."""

    name: str
    file: str
    line: int


def patterns(names: Collection[str], path: str) -> tuple[str, ...]:
    """Extended regular expressions for lines that may define one of the names, in the language of such a file."""
    one = f"({'|'.join(name.replace('$', '[$]') for name in sorted(names))})"
    found = (
        f"{_BEFORE}({_KEYWORDS})[[:space:]]+(\\([^)]*\\)[[:space:]]*)?(self\\.)?{one}{_AFTER}",
        f"(^[[:space:]]?(export )?|{_CONSTANT}){one}[[:space:]]*((:[^=]*|\\[[^=]*)?=|(struct|interface)[[:space:]{{])",
        f"{_BEFORE}{one}[[:space:]]*\\{{[[:space:]]*(get|set|init){_AFTER}",
    )
    return (*found, f"^[^=;(\"'@]*{_BEFORE}{one}[[:space:]]*(<[^>]*>)?\\(") if _is_wordless(path) else found


def uses(names: Collection[str]) -> str:
    """An extended regular expression for lines that use one of the names."""
    return f"{_BEFORE}({'|'.join(name.replace('$', '[$]') for name in sorted(names))}){_AFTER}"


def used(names: Collection[str], file: str, line: int, text: str) -> tuple[str, ...]:
    """Which of them a line uses that was found: one that defines, imports or only tells of it does not."""
    if _NO_USE.match(text[:_WIDTH]):
        return ()
    defined = {hit.name for hit in hits(names, file, line, text)} if _HEADED.search(text[:_WIDTH]) else set()
    words = dict.fromkeys(re.findall(r"[A-Za-z_$][\w$]*", text[:_WIDTH]))
    return tuple(word for word in words if word in names and word not in defined)


def hits(names: Collection[str], file: str, line: int, text: str) -> tuple[Hit, ...]:
    """The names that a line that was found may define."""
    text = text[:_WIDTH]
    found = [*_HEADED.findall(text), *_ASSIGNED.findall(text), *_PROPERTY.findall(text)]
    if _is_wordless(file) and not _NO_FUNCTION.search(text) and (head := _CALLABLE.match(text)):
        found.append(head[1])
    return tuple(Hit(name, file, line) for name in dict.fromkeys(found) if name in names)


def is_sought(need: Need, file: str, imports: Iterable[Import]) -> bool:
    """Whether a name that the file does not define may be defined in another one."""
    opened = not (is_explicit(file) and need.bare) or any("*" in one.words for one in imports)
    return need.anywhere or (need.telling and opened) or any(need.name in one.words for one in imports)


def candidates(need: Need, file: str, imports: Sequence[Import], found: Mapping[str, Sequence[Hit]]) -> tuple[str, ...]:
    """The files in which the name may be defined for this one, of the nearest kind that holds any; none if too many.

    Files that an import names it for come first, then other imported ones, then the folder, then all others.
    """
    others = [hit.file for hit in found.get(need.name, ()) if hit.file != file]
    if not _TESTS.search(file):
        others = [other for other in others if not _TESTS.search(other)]
    places = tuple(dict.fromkeys(others))
    named = {one for each in imports if need.name in each.words for one in each.files}
    opened = is_explicit(file) and need.bare
    imported = {one for each in imports if not opened or "*" in each.words for one in each.files}
    for some in (named, *((imported, _folder(file, places)) if need.telling else ())):
        if near := tuple(place for place in places if place in some):
            return near if len(near) <= _MOST_FILES else ()
    somewhere = need.anywhere or any(need.name in one.words for one in imports if one.own)
    return places if somewhere and len(places) <= _MOST_FILES else ()


def is_test(path: str) -> bool:
    return _TESTS.search(path) is not None


def rank(file: str, other: str, imports: Iterable[Import]) -> int:
    """How near a file is to another one: itself, imported by it, beside it, elsewhere."""
    if file == other:
        return 0
    if any(other in one.files for one in imports):
        return 1
    return 2 if PurePosixPath(file).parent == PurePosixPath(other).parent else 3


def _is_wordless(path: str) -> bool:
    grammar = grammar_of(path)
    return (grammar.package if grammar else "") in _WORDLESS


def _folder(file: str, places: Iterable[str]) -> frozenset[str]:
    """The files beside it, where that is enough to see each other."""
    grammar = grammar_of(file)
    if grammar is None or grammar.package not in _PACKAGED:
        return frozenset()
    parent = PurePosixPath(file).parent
    return frozenset(place for place in places if PurePosixPath(place).parent == parent)
