"""Which parts are read together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

from agentflow.domain.reviews import Pack, Part

#: Parts that stay together.
_Bundle = tuple[Part, ...]


def pack(parts: Sequence[Part], target: int, imports: Mapping[str, Collection[str]] | None = None) -> tuple[Pack, ...]:
    """Packs of at most `target` tokens each, as few as the order allows, as even as their number allows.

    Parts go by path, so that neighbours are read together, and a file's parts share a pack if they fit one; so do files
    of which one imports the other, by `imports`. A part beyond the target is alone. The same parts give the same packs.
    """
    together = _together(_by_file(parts), target, imports or {})
    bundles = [bundle for files in together for bundle in _bundles(files, target)]
    fewest = len(_filled(bundles, target))
    evenly = _filled(bundles, _smallest_limit(bundles, target, fewest))
    return tuple(Pack(n, members) for n, members in enumerate(evenly, start=1))


def _by_file(parts: Sequence[Part]) -> list[_Bundle]:
    ordered = sorted(parts, key=lambda part: (part.file.split("/"), part.first))
    return [tuple(file) for _, file in groupby(ordered, key=lambda part: part.file)]


def _together(files: Sequence[_Bundle], target: int, imports: Mapping[str, Collection[str]]) -> list[_Bundle]:
    """The parts of files that import one another made one, as far as that fits. What few others import goes first."""
    whole = {file[0].file: file for file in files}
    pairs = [(one, other) for one in whole for other in sorted(imports.get(one, ())) if other in whole and other != one]
    importers = Counter(other for _, other in pairs)
    for one, other in sorted(pairs, key=lambda pair: (importers[pair[1]], pair)):
        if whole[one] is not whole[other] and _size(whole[one]) + _size(whole[other]) <= target:
            joined = (*whole[one], *whole[other])
            whole |= {part.file: joined for part in joined}
    return list({id(bundle): bundle for bundle in whole.values()}.values())


def _bundles(file: _Bundle, target: int) -> Iterator[_Bundle]:
    if _size(file) <= target:
        yield file
    else:
        yield from ((part,) for part in file)


def _filled(bundles: Sequence[_Bundle], limit: int) -> list[_Bundle]:
    """The bundles in their order, a new pack begun whenever the next one would pass the limit."""
    packs: list[list[Part]] = []
    room = 0
    for bundle in bundles:
        size = _size(bundle)
        if not packs or size > room:
            packs.append([])
            room = limit
        packs[-1].extend(bundle)
        room -= size
    return [tuple(members) for members in packs]


def _smallest_limit(bundles: Sequence[_Bundle], target: int, fewest: int) -> int:
    low, high = 1, max(1, target)
    while low < high:
        middle = (low + high) // 2
        if len(_filled(bundles, middle)) > fewest:
            low = middle + 1
        else:
            high = middle
    return low


def _size(bundle: _Bundle) -> int:
    return sum(part.tokens for part in bundle)
