"""What travels with the packs of a review: where the names are defined that its changes use.

Only files in which a search found lines like definitions of these names are read, so that a review of one file costs no
reading of the repository.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import NamedTuple

from agentflow.domain.reviews import Case, Pack, ReviewSpec
from agentflow.domain.text import printable
from agentflow.git.blobs import TreeFile
from agentflow.git.repository import Repository
from agentflow.git.searching import Match, search, within
from agentflow.review.excerpting import Known, excerpts_of
from agentflow.review.grammars import family_of, is_code
from agentflow.review.importing import Import, Modules, shared_folders
from agentflow.review.locating import MOST_USES, Hit, candidates, hits, is_sought, is_test, patterns, used
from agentflow.review.locating import uses as uses_pattern
from agentflow.review.needing import Need, cases_of, defined_by, needs_of
from agentflow.review.parsing import MOST_PARSED
from agentflow.review.skipping import skip_by_content, skip_by_name
from agentflow.review.source import Source
from agentflow.review.symbols import symbols_of
from agentflow.workflows.reviewing.workbench import Workbench

#: Bytes of code that are searched for the definitions of one language's names: git takes about a second for so many.
MOST_SEARCHED = 20_000_000
#: Names of one language that are looked for, and files that are read for all of them.
_MOST_NAMES, _MOST_READ = 300, 60
#: Changed names of one language whose uses are looked for.
_MOST_USED = 60

#: The lines that look as if they defined a name, by name.
_Found = Mapping[str, Sequence[Hit]]


class Survey(NamedTuple):
    """By file what it imports, and by case what it uses."""

    imports: Mapping[str, Sequence[Import]]
    needs: Mapping[Case, Sequence[Need]]

    def imported(self) -> dict[str, frozenset[str]]:
        """The files that each file imports."""
        return {path: frozenset(file for one in found for file in one.files) for path, found in self.imports.items()}


class Library:
    """The files of the reviewed commit in which something may be defined."""

    def __init__(
        self, repository: Repository, spec: ReviewSpec, workbench: Workbench, listed: Sequence[TreeFile]
    ) -> None:
        self._repository, self._spec, self._workbench = repository, spec, workbench
        self._sizes = {file.path: file.size or 0 for file in listed if _is_readable(file, spec)}
        self._modules = Modules(self._sizes)

    def survey(self, sources: Iterable[Source]) -> Survey:
        """What these files import from this commit, and what their cases use: each of them is parsed once."""
        imports: dict[str, tuple[Import, ...]] = {}
        needs: dict[Case, tuple[Need, ...]] = {}
        for source in (source for source in sources if is_code(source.path)):
            imports[source.path] = self._modules.imported(source)
            needs |= {case: needs_of(source, case) for case in cases_of(source)}
        return Survey(imports, needs)

    async def equipped(
        self,
        packs: Sequence[Pack],
        sources: Mapping[str, Source],
        survey: Survey,
        target: int,
    ) -> tuple[Pack, ...]:
        """The packs, of at most `target` tokens each, with what travels with each. `sources`: all that they show."""
        known = await self._known(sources, survey) if packs else None
        return tuple(replace(pack, excerpts=excerpts_of(pack.parts, known, target)) for pack in packs if known)

    async def _known(self, sources: Mapping[str, Source], survey: Survey) -> Known:
        """What the cases of these files may rest on."""
        imports, needs = survey
        missing = {path: _missing(source, needs, imports.get(path, ())) for path, source in sources.items()}
        found: dict[str, _Found] = {}
        for family in sorted({family_of(path) for path, some in missing.items() if some}, key=sorted):
            mine = [path for path, some in missing.items() if some and family_of(path) == family]
            located = await self._located([need for path in mine for need in missing[path]], mine, imports)
            found |= dict.fromkeys(mine, located)
        wanted = _nearest(missing, imports, found)
        uses = await self._uses(sources, imports)
        wanted += list(dict.fromkeys(file for some in uses.values() for file, _ in some))[:_MOST_READ]
        others = await self._read([path for path in wanted if path not in sources])
        return Known(sources, others, imports, needs, found, uses)

    async def _uses(
        self, sources: Mapping[str, Source], imports: Mapping[str, Sequence[Import]]
    ) -> dict[Case, tuple[tuple[str, int], ...]]:
        """The lines that use what changed cases define, by case; of a file that is read whole nothing is changed."""
        changed = (source for source in sources.values() if source.changed is not None)
        names = {case: found for one in changed for case in cases_of(one) if (found := defined_by(one, case))}
        uses: dict[Case, tuple[tuple[str, int], ...]] = {}
        for family in sorted({family_of(case.file) for case in names}, key=sorted):
            mine = {case: found for case, found in names.items() if family_of(case.file) == family}
            wanted = frozenset([*dict.fromkeys(name for found in mine.values() for name in found)][:_MOST_USED])
            paths = self._searched(list(dict.fromkeys(case.file for case in mine)), imports)
            matches = await search(self._repository, self._spec.head, [uses_pattern(wanted)], paths)
            lines = self._lines(wanted, matches)
            uses |= {case: _nearest_uses(case, found, lines) for case, found in mine.items()}
        return uses

    def _lines(self, names: frozenset[str], matches: Iterable[Match]) -> dict[str, list[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for match in (match for match in matches if match.file in self._sizes):
            for name in used(names, match.file, match.line, match.text):
                found.setdefault(name, []).append((match.file, match.line))
        return found

    async def _located(
        self, needs: Sequence[Need], files: Sequence[str], imports: Mapping[str, Sequence[Import]]
    ) -> _Found:
        """The lines that look as if they defined one of the names, for files of one language."""
        nearest = sorted(needs, key=lambda need: need.distance)
        names = frozenset([*dict.fromkeys(need.name for need in nearest)][:_MOST_NAMES])
        matches = await search(
            self._repository, self._spec.head, patterns(names, files[0]), self._searched(files, imports)
        )
        found: dict[str, list[Hit]] = {}
        for hit in (hit for match in matches for hit in self._hits(names, match)):
            found.setdefault(hit.name, []).append(hit)
        return found

    def _hits(self, names: frozenset[str], match: Match) -> tuple[Hit, ...]:
        return hits(names, match.file, match.line, match.text) if match.file in self._sizes else ()

    def _searched(self, files: Sequence[str], imports: Mapping[str, Sequence[Import]]) -> list[str]:
        """The widest folders around the files that are not too much to search, and what they import."""
        family = family_of(files[0])
        sizes = {path: size for path, size in self._sizes.items() if PurePosixPath(path).suffix[1:].lower() in family}
        folders = dict.fromkeys(_widest(file, sizes) for file in files)
        if "" in folders:
            return [within("", suffix) for suffix in sorted(family)]
        imported = (other for file in files for one in imports.get(file, ()) for other in one.files)
        return [
            *(within(folder, suffix) for folder in folders if folder is not None for suffix in sorted(family)),
            *(f":(literal){path}" for path in dict.fromkeys(imported)),
        ]

    async def _read(self, paths: Sequence[str]) -> Mapping[str, Source]:
        read = await self._workbench.read_others(self._repository, self._spec, paths)
        return {path: one for path, one in read.items() if not skip_by_content(path, one.text(1, len(one.lines)))}


def _is_readable(file: TreeFile, spec: ReviewSpec) -> bool:
    if file.is_submodule or file.is_symlink or not is_code(file.path) or printable(file.path) != file.path:
        return False
    size = file.size or 0
    return size <= MOST_PARSED and skip_by_name(file.path, size, exclude=spec.exclude) is None


def _missing(source: Source, needs: Mapping[Case, Sequence[Need]], imports: Sequence[Import]) -> list[Need]:
    """What its cases use and it does not define itself."""
    own = {symbol.name for symbol in symbols_of(source)} if is_code(source.path) else set()
    used = (need for case in cases_of(source) for need in needs[case])
    return [need for need in used if need.name not in own and is_sought(need, source.path, imports)]


def _nearest(
    missing: Mapping[str, Sequence[Need]], imports: Mapping[str, Sequence[Import]], found: Mapping[str, _Found]
) -> list[str]:
    """The files that hold definitions, those that changed lines need first."""
    needed = sorted(
        ((need.distance, path, need) for path, some in missing.items() for need in some), key=lambda n: n[:2]
    )
    places = (
        file for _, path, need in needed for file in candidates(need, path, imports.get(path, ()), found.get(path, {}))
    )
    return [*dict.fromkeys(places)][:_MOST_READ]


def _nearest_uses(
    case: Case, names: Sequence[str], lines: Mapping[str, Sequence[tuple[str, int]]]
) -> tuple[tuple[str, int], ...]:
    """Those in its own file first, then in the nearest folders. Neither tests count nor names that are everywhere."""
    counted = ([one for one in lines.get(name, ()) if is_test(case.file) or not is_test(one[0])] for name in names)
    uses = (one for found in counted if len(found) <= MOST_USES for one in found)
    outside = (one for one in uses if one[0] != case.file or not case.first <= one[1] <= case.last)
    return tuple(sorted(outside, key=lambda one: (one[0] != case.file, _apart(case.file, one[0]), one)))


def _apart(file: str, other: str) -> int:
    """How many folders lie between two files."""
    depths = (len(PurePosixPath(path).parent.parts) for path in (file, other))
    return sum(depths) - 2 * shared_folders(file, other)


def _widest(file: str, sizes: Mapping[str, int]) -> str | None:
    """The outermost folder around the file whose code may be searched; None when not even its own may."""
    folders = [str(parent) if str(parent) != "." else "" for parent in PurePosixPath(file).parents]
    return next((folder for folder in reversed(folders) if _bytes(folder, sizes) <= MOST_SEARCHED), None)


def _bytes(folder: str, sizes: Mapping[str, int]) -> int:
    within = f"{folder}/" if folder else ""
    return sum(size for path, size in sizes.items() if path.startswith(within))
