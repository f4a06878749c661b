"""What travels with a pack: of what its changes rest on and it does not show, the beginnings, nearest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agentflow.domain.reviews import Case, Excerpt, Part
from agentflow.review.importing import Import
from agentflow.review.locating import Hit, candidates, rank
from agentflow.review.needing import Need, cases_of, is_explicit
from agentflow.review.showing import show
from agentflow.review.source import Source, Span, joined, meets
from agentflow.review.symbols import Symbol, imports_of, symbols_of
from agentflow.review.text import tokens

#: Tokens of one case. Of 68 real fixes that were undone, as many could be proved as with 600.
MOST_OF_CASE = 450
#: Tokens of the lines that use what a case defines.
MOST_OF_USES = 350
#: Lines around one that uses what a case defines: more of them below, where it shows what comes of it.
_ABOVE, _BELOW = 2, 7
#: What travels with a pack may take one in so many of the pack's tokens.
SHARE = 4
#: Lines of one definition; it mostly says there what it is for and what it refuses.
LINES = 12
#: Lines of a type, whose fields say what they stand for.
_TYPE_LINES = 22
#: Lines of the imports of one file, and of comments above a definition.
_MOST_IMPORTED, _MOST_LEADS = 60, 4
_MAKERS = "__init__ __new__ __post_init__ __construct constructor initialize init new"
_CONSTRUCTORS = frozenset(_MAKERS.split())


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a commit: the files under review, others in which names may be defined, and where.

    `found`: by file under review, the lines that look as if they defined a name. `imports`: by file as well.
    `needs`: of all its cases. `uses`: lines of any file that use what a case defines, as file and number.
    """

    sources: Mapping[str, Source]
    others: Mapping[str, Source]
    imports: Mapping[str, Sequence[Import]]
    needs: Mapping[Case, Sequence[Need]]
    found: Mapping[str, Mapping[str, Sequence[Hit]]]
    uses: Mapping[Case, Sequence[tuple[str, int]]] = field(default_factory=dict)

    def open(self, path: str) -> Source | None:
        return self.sources.get(path) or self.others.get(path)


def excerpts_of(parts: Sequence[Part], known: Known, target: int) -> tuple[Excerpt, ...]:
    """What travels with these parts of a pack of at most `target` tokens, by file and line."""
    chosen = _Chosen(parts, known, target // SHARE)
    for file in dict.fromkeys(part.file for part in parts):
        source = known.sources[file]
        spans = [(part.first, part.last) for part in parts if part.file == file]
        cases = [one for one in cases_of(source) if any(a <= one.last and one.first <= b for a, b in spans)]
        for span in _imported(source):
            chosen.add(file, span, cases)
        for case in cases:
            for span in _around(source, case):
                chosen.add(file, span, [case])
        for case in cases:
            chosen.fill(case, _needed(source, case, known), MOST_OF_CASE)
            chosen.fill(case, _using(case, known), MOST_OF_USES)
    return chosen.excerpts()


class _Chosen:
    """Lines that were chosen, and those that the pack shows."""

    def __init__(self, parts: Sequence[Part], known: Known, most: int) -> None:
        self._known, self._left = known, most
        self._shown: dict[str, list[Span]] = {}
        for part in parts:
            self._shown.setdefault(part.file, []).append((part.first, part.last))
        self._cases: dict[tuple[str, Span], dict[Case, None]] = {}

    def fill(self, case: Case, wanted: Iterable[tuple[str, Span]], most: int) -> None:
        left = most
        for file, span in wanted:
            left -= self.add(file, span, [case], left)

    def add(self, file: str, span: Span, cases: Sequence[Case], most: int = MOST_OF_CASE) -> int:
        """Choose the lines that are not shown anyway, when they take no more than `most` tokens. Returns the tokens."""
        spent = 0
        for piece in self._unshown(file, span):
            size = self._size(file, piece)
            if (file, piece) in self._cases:
                self._cases[file, piece].update(dict.fromkeys(cases))
            elif size <= min(most - spent, self._left):
                self._cases[file, piece] = dict.fromkeys(cases)
                self._left -= size
                spent += size
        return spent

    def _unshown(self, file: str, span: Span) -> Iterator[Span]:
        shown = joined(self._shown.get(file, ()))
        source = self._known.open(file)
        lines = (n for n in range(span[0], span[1] + 1) if not meets(shown, n, n))
        yield from (piece for piece in joined((n, n) for n in lines) if source and source.text(*piece).strip())

    def _size(self, file: str, span: Span) -> int:
        source = self._known.open(file)
        return tokens(show(source, Part(file, *span, 0))) if source else 0

    def excerpts(self) -> tuple[Excerpt, ...]:
        return tuple(
            Excerpt(Part(file, *span, self._size(file, span)), tuple(cases))
            for file, span, cases in _merged(self._cases)
        )


def _merged(chosen: Mapping[tuple[str, Span], Iterable[Case]]) -> Iterator[tuple[str, Span, dict[Case, None]]]:
    """Those that overlap, touch or have a single line between them made one."""
    for file in dict.fromkeys(file for file, _ in chosen):
        mine = [(span, cases) for (other, span), cases in chosen.items() if other == file]
        for first, end in joined((first, last + 1) for (first, last), _ in mine):
            yield (
                file,
                (first, end - 1),
                {one: None for (a, b), cases in mine if first <= a <= b < end for one in cases},
            )


def _imported(source: Source) -> Iterator[Span]:
    left = _MOST_IMPORTED
    for first, last in imports_of(source):
        if left > 0:
            yield first, min(last, first + left - 1)
        left -= last - first + 1


def _around(source: Source, case: Case) -> Iterator[Span]:
    """The heads of the types around it, and what makes their values."""
    symbols = symbols_of(source)
    for outer in (one for one in symbols if one.is_type and one.first < case.first and case.last <= one.last):
        inner = [one for one in symbols if outer.line < one.first and one.last <= outer.last and one.last > one.line]
        end = min([outer.line + LINES - 1, outer.last, *(one.first - 1 for one in inner)])
        yield _start(outer), max(outer.line, end)
        yield from (_beginning(one) for one in inner if one.name in _CONSTRUCTORS or one.name == outer.name)


def _using(case: Case, known: Known) -> Iterator[tuple[str, Span]]:
    """The lines that use what it defines, with those around them in the same function."""
    for file, line in known.uses.get(case, ()):
        source = known.open(file)
        holders = [one for one in symbols_of(source) if one.first <= line <= one.last] if source else []
        if holders and not holders[-1].is_type:
            inner = holders[-1]
            yield file, (max(inner.first, line - _ABOVE), min(inner.last, line + _BELOW))
        else:
            yield file, (line, line)


def _needed(source: Source, case: Case, known: Known) -> list[tuple[str, Span]]:
    """Where the definitions of the names begin that the case uses: of changed lines first, the nearest first."""
    imports = known.imports.get(source.path, ())
    found = [
        (
            (need.distance > 0, not symbol.is_type, rank(source.path, file, imports), need.distance),
            file,
            symbol,
        )
        for need in known.needs.get(case, ())
        for file, symbol in _defined(source, case, need, known)
    ]
    return [(file, _beginning(symbol)) for _, file, symbol in sorted(found, key=lambda one: one[0])]


def _defined(source: Source, case: Case, need: Need, known: Known) -> Iterator[tuple[str, Symbol]]:
    """The definition of the name, where it is clear which one is meant."""
    own = [one for one in symbols_of(source) if one.name == need.name]
    if own:
        alone = is_explicit(source.path) and not need.member
        meant = _meant([one for one in own if not (alone and _is_method(one, source))], source, case)
        yield from ((source.path, one) for one in meant if need.called or need.member or not _is_method(one, source))
        return
    found = known.found.get(source.path, {})
    files = candidates(need, source.path, known.imports.get(source.path, ()), found)
    opened = [other for file in files if (other := known.open(file))]
    defined = [(other, one) for other in opened for one in symbols_of(other) if one.name == need.name]
    only = _only([one for _, one in defined])
    yield from ((other.path, one) for other, one in defined if one is only and not _is_field(one, need))


def _is_method(symbol: Symbol, source: Source) -> bool:
    return symbol.last > symbol.line and any(
        one.is_type and one.line < symbol.line and symbol.last <= one.last for one in symbols_of(source)
    )


def _is_field(symbol: Symbol, need: Need) -> bool:
    """Whether it is a value of something that is not known here: its one line says nothing."""
    return not (need.bare or need.anywhere or symbol.is_type or symbol.last > symbol.line)


def _meant(own: Sequence[Symbol], source: Source, case: Case) -> list[Symbol]:
    """Of several in the case's own file, the one in its own type."""
    types = [one for one in symbols_of(source) if one.is_type and one.first <= case.first and case.last <= one.last]
    for outer in reversed(types):
        if inside := [one for one in own if outer.line < one.line and one.last <= outer.last]:
            return inside if len(inside) == 1 else []
    only = _only(own)
    return [only] if only and not (only.first <= case.first and case.last <= only.last) else []


def _only(symbols: Sequence[Symbol]) -> Symbol | None:
    """The one there is; a type before what makes its values."""
    types = [one for one in symbols if one.is_type]
    some = types if len(types) == 1 else symbols
    return some[0] if len(some) == 1 else None


def _start(symbol: Symbol) -> int:
    return max(symbol.first, symbol.line - _MOST_LEADS)


def _beginning(symbol: Symbol) -> Span:
    return _start(symbol), min(symbol.last, symbol.line + (_TYPE_LINES if symbol.is_type else LINES) - 1)
