"""What changed between two commits: which files, and which of their lines."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from unidiff.patch import PatchedFile, PatchSet

from agentflow.git.blobs import SUBMODULE, SYMLINK, TOO_LARGE
from agentflow.git.command import git, settings
from agentflow.git.repository import Repository

#: First and last line, 1-based and inclusive.
Span = tuple[int, int]

_OPTIONS = (
    *("-r", "--find-renames", "--ignore-submodules=none"),
    *("--no-ext-diff", "--no-textconv", "--no-color"),
)
#: A file that is too large, before or after, is compared as a whole, like a binary one.
_SETTINGS = {"core.bigFileThreshold": str(TOO_LARGE)}
#: Lines of a file's content have a sign before them, and names with a newline are quoted: no other line starts so.
_FILE_START = re.compile("^diff --git ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A path that differs between two commits.

    `status` is git's letter: A, M, D, R (renamed from `old_path`, perhaps edited) or T (another type of file). `mode`
    and `oid` are the new version's, all zeros for a deleted file; `old_mode` and `old_oid` the old one's, all zeros
    for a new file. A path that is not UTF-8 holds surrogates.
    """

    path: str
    status: str
    old_path: str | None
    mode: str
    oid: str
    old_mode: str
    old_oid: str

    @property
    def is_deleted(self) -> bool:
        return self.status == "D"

    @property
    def is_edited(self) -> bool:
        """Whether there is a new version with other content."""
        return not self.is_deleted and self.oid != self.old_oid

    @property
    def is_submodule(self) -> bool:
        return self._present_mode == SUBMODULE

    @property
    def is_symlink(self) -> bool:
        return self._present_mode == SYMLINK

    @property
    def _present_mode(self) -> str:
        return self.old_mode if self.is_deleted else self.mode


@dataclass(frozen=True, slots=True)
class Hunks:
    """Where a file's two versions differ, in line numbers of the new one; lines end in newlines only, as git's do.

    `changed` are the lines added or changed. `removed` holds, by line number, the lines taken out just before that
    line (one past the end: at the end), without their newlines; bytes that are not UTF-8 are replaced. `visible` are
    the lines that GitHub shows, one span for each hunk with its three lines of context: comments may stand there.
    """

    changed: tuple[Span, ...] = ()
    removed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    visible: tuple[Span, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


async def file_changes(repository: Repository, base: str, head: str) -> tuple[FileChange, ...]:
    """The paths that differ between two commits, renames detected, in git's order."""
    return tuple(_file_changes(await _diff(repository, base, head, "--raw", "-z")))


async def hunks(repository: Repository, base: str, head: str) -> dict[str, Hunks]:
    """The lines that differ, by new path, for every changed file that is not deleted.

    A file has no spans when only its mode or name changed, and when it is binary, too large or a submodule. What the
    repository's attributes call binary does not matter: they could hide a change from its review.
    """
    changes = [change for change in await file_changes(repository, base, head) if not change.is_deleted]
    patch = await _diff(repository, base, head, "-p", "--unified=3", "--diff-filter=d")
    return await asyncio.to_thread(_by_path, changes, patch)


async def _diff(repository: Repository, base: str, head: str, *options: str) -> str:
    """Compare two commits from an empty folder without an index: no attributes of the checkout are found there."""
    with tempfile.TemporaryDirectory() as nowhere:
        place = {"GIT_DIR": str(repository.common_dir), "GIT_INDEX_FILE": f"{nowhere}/index"}
        env = {**place, **settings(_SETTINGS)}
        return (await git(Path(nowhere), "diff-tree", *_OPTIONS, *options, base, head, env=env)).stdout


def _file_changes(raw: str) -> Iterator[FileChange]:
    fields = iter(raw.split("\0")[:-1])
    for about in fields:
        old_mode, mode, old_oid, oid, status = about.removeprefix(":").split(" ")
        old_path = next(fields) if status[0] == "R" else None
        yield FileChange(next(fields), status[0], old_path, mode, oid, old_mode, old_oid)


def _by_path(changes: Sequence[FileChange], patch: str) -> dict[str, Hunks]:
    """Names and patches are matched by their order. Where the type changed, git shows a deletion, then an addition."""
    patches = _patches(patch)
    found = {}
    for change in changes:
        if change.status == "T":
            next(patches)
        text = next(patches)
        found[change.path] = Hunks() if change.is_submodule else _hunks(text)
    return found


def _patches(patch: str) -> Iterator[str]:
    starts = [found.start() for found in _FILE_START.finditer(patch)]
    return (patch[start:end] for start, end in pairwise([*starts, len(patch)]))


def _hunks(patch: str) -> Hunks:
    """Read by the library without git's header, whose names it misreads; it splits a string at newlines only."""
    start = patch.find("\n@@ ")
    if start < 0:
        return Hunks()
    text = patch[start + 1 :].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    (file,) = PatchSet(f"--- a\n+++ b\n{text}")
    visible = [(hunk.target_start, hunk.target_start + hunk.target_length - 1) for hunk in file if hunk.target_length]
    added = (line.target_line_no or 0 for hunk in file for line in hunk if line.is_added)
    return Hunks(tuple(_spans(added)), _removed(file), tuple(visible))


def _removed(file: PatchedFile) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for hunk in file:
        following = hunk.target_start if hunk.target_length else hunk.target_start + 1
        for line in hunk:
            if line.is_removed:
                found.setdefault(following, []).append(line.value.removesuffix("\n"))
            elif line.target_line_no is not None:
                following = line.target_line_no + 1
    return {number: tuple(lines) for number, lines in found.items()}


def _spans(numbers: Iterable[int]) -> Iterator[Span]:
    """Numbers in rising order, neighbours joined."""
    first, last = 1, 0
    for number in numbers:
        if number > last + 1:
            if last:
                yield first, last
            first = number
        last = number
    if last:
        yield first, last
