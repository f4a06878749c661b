"""What the sessions of a review share while this process lasts: scope, sources, and whether the provider answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agentflow.config.secrecy import redact
from agentflow.domain.reviews import Mode, ReviewSpec, Scope
from agentflow.errors import UpstreamError
from agentflow.git.blobs import read_blobs, tree_files
from agentflow.git.diffs import Hunks, hunks
from agentflow.git.repository import Repository
from agentflow.review.source import Source
from agentflow.review.text import decode, lines_of


@dataclass(slots=True)
class Workbench:
    """One per process and run. `answers` counts the sessions of reviewers that the provider answered."""

    sources: dict[str, Source] = field(default_factory=dict)
    scope: Scope | None = None
    answers: int = 0
    _silent: bool = False
    _knocking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, repository: Repository, spec: ReviewSpec, files: Sequence[str]) -> Mapping[str, Source]:
        """The sources of these files, each read from git once."""
        async with self._reading:
            missing = [file for file in dict.fromkeys(files) if file not in self.sources]
            if missing:
                self.sources.update(await _read(repository, spec, missing))
        return {file: self.sources[file] for file in files if file in self.sources}

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


#: Reviewers and what checks their findings see the same lines, without secrets and as many as there are.
async def _read(repository: Repository, spec: ReviewSpec, files: Sequence[str]) -> dict[str, Source]:
    wanted = set(files)
    ids = {file.path: file.oid for file in await tree_files(repository, spec.head) if file.path in wanted}
    blobs = await read_blobs(repository, list(ids.values()))
    changed = await hunks(repository, spec.base, spec.head) if spec.mode is Mode.DIFF else None
    texts = {path: decode(blobs[oid]) for path, oid in ids.items()}
    return {path: _source(path, redact(text), changed) for path, text in texts.items() if text is not None}


def _source(path: str, text: str, changed: Mapping[str, Hunks] | None) -> Source:
    if changed is None:
        return Source(path, lines_of(text))
    found = changed.get(path)
    removed = {n: redact("\n".join(lines)).split("\n") for n, lines in found.removed.items()} if found else {}
    return Source(path, lines_of(text), found.changed if found else (), {n: tuple(was) for n, was in removed.items()})
