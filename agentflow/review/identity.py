"""The identity of a finding: what is wrong, in which definition, on which text.

Not in it are the line's number, the signature, the reviewer's category and severity, and how it is worded. Whether two
of them are one is told in `recognising`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from agentflow.domain.findings import Finding
from agentflow.review.claims import Claim, claim_of, hashed, identifiers
from agentflow.review.definitions import definitions
from agentflow.review.kinds import KINDS, OTHER
from agentflow.review.naming_definitions import holders, name_of
from agentflow.review.source import Source

#: The form in which it is written down.
_FORM = "2"
#: Lines of a citation that count.
_CITED = 12
#: Lines above and below, blank ones aside, by which equal lines are told apart.
AROUND = 2


@dataclass(frozen=True, slots=True)
class Spot:
    """Where it is: hashes of the definition's names (outermost first), the cited lines, those around, the whole body.

    `names` are the identifiers on the cited lines. An empty `body` is that of a file's own level.
    """

    path: tuple[str, ...]
    cited: tuple[str, ...]
    around: frozenset[str]
    names: frozenset[str]
    body: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """`spot` is None for a report that is older than identities: its place is known by its fingerprint alone.

    `former` are the fingerprints under which an earlier version may have reported it, or has.
    """

    file: str
    claim: Claim
    spot: Spot | None
    former: frozenset[str] = frozenset()


class Read:
    """A file as it is now, for finding again what was said of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.definitions = definitions(source.lines)

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """The hashed names of every definition and of those around it, outermost first."""
        found: list[tuple[str, ...]] = []
        open_: list[tuple[int, str]] = []
        for one in self.definitions:
            while open_ and open_[-1][0] < one.line:
                open_.pop()
            open_.append((one.last, hashed(name_of(self.source.lines[one.line - 1]))))
            found.append(tuple(name for _, name in open_))
        return tuple(found)

    @cached_property
    def texts(self) -> Mapping[tuple[str, ...], Counter[str]]:
        """How often each text stands in each definition, those that it holds included; `()` for the whole file."""
        found: dict[tuple[str, ...], Counter[str]] = {(): Counter(self.hashes)}
        for one, path in zip(self.definitions, self.paths, strict=True):
            found.setdefault(path, Counter()).update(self.hashes[one.line - 1 : one.last])
        return found

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """The hash of each line's text."""
        return tuple(hashed(normal(line)) for line in self.source.lines)

    def spot(self, first: int, last: int) -> Spot:
        """The place of these lines, 1-based and inclusive."""
        lines = self.source.lines
        held = holders(self.definitions, first)
        cited = self.hashes[first - 1 : min(last, first + _CITED - 1)]
        code = "\n".join(lines[first - 1 : min(last, first + _CITED - 1)])
        return Spot(
            path=_hashed(name_of(lines[one.line - 1]) for one in held),
            cited=tuple(cited),
            around=frozenset(self._around(first, last)),
            names=frozenset(map(hashed, identifiers(code))),
            body=self.body(held[-1].line, held[-1].last) if held else "",
        )

    def body(self, first: int, last: int) -> str:
        """One hash for the text of these lines."""
        return hashed("".join(normal(line) for line in self.source.lines[first - 1 : last]))

    def bodies(self, path: tuple[str, ...]) -> list[tuple[int, int, str]]:
        """First line, last line and body of every definition with these hashed names."""
        mine = (one for one, its in zip(self.definitions, self.paths, strict=True) if its == path)
        return [(one.line, one.last, self.body(one.line, one.last)) for one in mine]

    def _around(self, first: int, last: int) -> Iterable[str]:
        lines = self.source.lines
        above = [n for n in range(first - 1, 0, -1) if lines[n - 1].strip()][:AROUND]
        below = [n for n in range(last + 1, len(lines) + 1) if lines[n - 1].strip()][:AROUND]
        return (self.hashes[n - 1] for n in (*above, *below))


def identity_of(finding: Finding, read: Read) -> Identity:
    spot = read.spot(finding.line, finding.last_line)
    code = read.source.text(finding.line, min(finding.last_line, finding.line + _CITED - 1))
    return Identity(finding.file, claim_of(finding.rule, finding.title, finding.message, code, finding.severity), spot)


def normal(line: str) -> str:
    """A line's text without what a formatter changes: white space, the sort of quotes, what ends it."""
    return re.sub(r"\s+", "", line).replace("'", '"').rstrip(",;")


def written(identity: Identity) -> str:
    """One word that is safe in a comment of HTML, without any text of the code."""
    claim, spot = identity.claim, identity.spot
    places = (spot.path, spot.cited, sorted(spot.around), sorted(spot.names), (spot.body,)) if spot else ()
    kinds = (str(KINDS.index(kind)) for kind in KINDS if kind in claim.kinds)
    hints = (str(KINDS.index(kind)) for kind in KINDS if kind in claim.hints)
    said = (kinds, hints, sorted(claim.subjects), sorted(claim.heading), sorted(claim.words - claim.heading))
    rank = "" if claim.rank is None else str(claim.rank)
    return "/".join([_FORM, rank, *(".".join(some) for some in (*said, *places))])


def read_back(file: str, text: str) -> Identity | None:
    """What `written` wrote; None for anything else."""
    form, *parts = text.split("/")
    if form != _FORM or len(parts) not in {6, 11} or not re.fullmatch(r"[0-9a-f./]*", text):
        return None
    rank, *lists = parts
    kinds, hints, subjects, heading, words, *places = ([one for one in some.split(".") if one] for some in lists)
    claim = Claim(
        _named(kinds), _named(hints), frozenset(subjects), frozenset(heading), frozenset(heading + words), _rank(rank)
    )
    return Identity(file, claim, _placed(*places) if places else None)


def _placed(path: list[str], cited: list[str], around: list[str], names: list[str], body: list[str]) -> Spot:
    return Spot(tuple(path), tuple(cited), frozenset(around), frozenset(names), body[0] if body else "")


def _named(numbers: Sequence[str]) -> frozenset[str]:
    known = dict(enumerate(KINDS))
    return frozenset(known.get(int(number), OTHER) for number in numbers if number.isdecimal())


def _rank(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _hashed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(hashed, names))
