"""What the sessions of a review share while this process lasts: scope, sources, and whether the provider answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agentflow.config.secrecy import redact
from agentflow.domain.reviews import Mode, Pack, ReviewSpec, Scope
from agentflow.errors import UpstreamError
from agentflow.git.blobs import TreeFile, read_blobs, tree_files
from agentflow.git.diffs import Hunks, file_changes, hunks
from agentflow.git.repository import Repository
from agentflow.review.comparing import compared
from agentflow.review.notebooks import code_of, compared_code, is_notebook
from agentflow.review.source import Source
from agentflow.review.text import decode, lines_of


@dataclass(slots=True)
class Workbench:
    """One per process and run. `answers` counts the sessions of reviewers that the provider answered.

    `others` are files that are not under review, of which excerpts are shown.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    others: dict[str, Source] = field(default_factory=dict)
    scope: Scope | None = None
    answers: int = 0
    _silent: bool = False
    _listed: dict[str, tuple[TreeFile, ...]] = field(default_factory=dict)
    _knocking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def files(self, repository: Repository, commit: str) -> tuple[TreeFile, ...]:
        """All files of a commit, asked for once."""
        if commit not in self._listed:
            self._listed[commit] = await tree_files(repository, commit)
        return self._listed[commit]

    async def read(self, repository: Repository, spec: ReviewSpec, files: Sequence[str]) -> Mapping[str, Source]:
        """The sources of these files, each read from git once."""
        async with self._reading:
            missing = [file for file in dict.fromkeys(files) if file not in self.sources]
            if missing:
                texts = await self._texts(repository, spec.head, missing)
                changed = await _changed(repository, spec, texts) if spec.mode is Mode.DIFF else None
                self.sources.update((path, _source(path, text, changed)) for path, text in texts.items())
        return {file: self.sources[file] for file in files if file in self.sources}

    async def read_others(self, repository: Repository, spec: ReviewSpec, files: Sequence[str]) -> Mapping[str, Source]:
        """The same for files that are not under review: nothing in them is marked."""
        async with self._reading:
            missing = [file for file in dict.fromkeys(files) if file not in self.others]
            if missing:
                texts = await self._texts(repository, spec.head, missing)
                self.others.update((path, _source(path, text, {})) for path, text in texts.items())
        return {file: self.others[file] for file in files if file in self.others}

    async def _texts(self, repository: Repository, commit: str, files: Sequence[str]) -> Mapping[str, str]:
        wanted = set(files)
        ids = {file.path: file.oid for file in await self.files(repository, commit) if file.path in wanted}
        blobs = await read_blobs(repository, list(ids.values()))
        return {path: text for path, oid in ids.items() if (text := decode(blobs[oid])) is not None}

    async def shown(
        self, repository: Repository, spec: ReviewSpec, scope: Scope, pack: Pack | None = None
    ) -> Mapping[str, Source]:
        """The files of which a reviewer is shown something, or any reviewer: under review or beside it."""
        files, excerpted = (pack.files, pack.excerpted) if pack else (scope.files, scope.excerpted)
        reviewed = set(scope.files)
        sources = await self.read(repository, spec, [*files, *(file for file in excerpted if file in reviewed)])
        others = await self.read_others(repository, spec, [file for file in excerpted if file not in reviewed])
        return {**sources, **others}

    def answered(self) -> None:
        self.answers += 1
        self._silent = False

    async def is_reached(self, before: int, knock: Callable[[], Awaitable[object]]) -> bool:
        """Whether the provider has answered anybody since there were `before` answers, or answers a knock.

        It tells one pack's bad luck from an outage. `knock` raises UpstreamError when nobody answers; then the others
        who wait here need not try.
        """
        async with self._knocking:
            if self.answers == before and not self._silent:
                try:
                    await knock()
                except UpstreamError:
                    self._silent = True
                else:
                    self.answered()
            return self.answers > before


async def _changed(repository: Repository, spec: ReviewSpec, texts: Mapping[str, str]) -> Mapping[str, Hunks]:
    """The changed lines by file, also of texts that are binary to git."""
    found = await hunks(repository, spec.base, spec.head)
    edited = (change for change in await file_changes(repository, spec.base, spec.head) if change.is_edited)
    unread = {
        change.path: change.old_oid
        for change in edited
        if change.path in texts and (not found[change.path] or is_notebook(change.path))
    }
    olds = await read_blobs(repository, [oid for oid in unread.values() if oid.strip("0")])
    before = {path: decode(olds.get(oid, b"")) or "" for path, oid in unread.items()}
    return found | {path: _compared(path, text, texts[path], found[path]) for path, text in before.items()}


def _compared(path: str, before: str, after: str, found: Hunks) -> Hunks:
    if is_notebook(path):
        return Hunks(*compared_code(before, after), found.visible)
    return Hunks(*compared(lines_of(before), lines_of(after)))


#: Reviewers and what checks their findings see the same lines, without secrets and as many as there are.
def _source(path: str, text: str, changed: Mapping[str, Hunks] | None) -> Source:
    unended = not text.endswith("\n")
    lines, read = _lines(path, text)
    if changed is None:
        return Source(path, lines, unended=unended, read=read)
    found = changed.get(path, Hunks())
    removed = {n: tuple(redact("\n".join(lines)).split("\n")) for n, lines in found.removed.items()}
    return Source(path, lines, found.changed, removed, unended, read)


def _lines(path: str, text: str) -> tuple[tuple[str, ...], frozenset[int] | None]:
    """The lines of a file, and the numbers of those that are read; None: all.

    Of a notebook secrets are looked for in the code itself, so that what stands for one breaks no JSON.
    """
    if not is_notebook(path):
        return lines_of(redact(text)), None
    code = code_of(text)
    whole = "\n".join(code.get(n, "") for n in range(1, len(lines_of(text)) + 1))
    return tuple(redact(whole).split("\n")), frozenset(code)
