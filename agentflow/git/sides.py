"""What a resolved conflict keeps of its two sides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentflow.git.blobs import SUBMODULE, read_blobs
from agentflow.git.command import git
from agentflow.git.repository import Repository

_WORD = re.compile(rb"\w+")
#: How far git itself looks for a zero byte.
_PEEK = 8000


@dataclass(frozen=True, slots=True)
class LostSide:
    """A file in which nothing is left of what one side changed: `ours` is the branch's side, else the subtask's."""

    path: str
    ours: bool


async def lost_sides(
    repository: Repository, base: str, ours: str, theirs: str, result: str, paths: Sequence[str]
) -> tuple[LostSide, ...]:
    """The files that are as one side has them, or hold no word of several lines that the other side added.

    Of a line that both sides wrote anew a good resolution may hold no word.
    """
    was, mine, other, made = [await _contents(repository, commit, paths) for commit in (base, ours, theirs, result)]
    lost = []
    for path in paths:
        for side, against, is_ours in ((mine, other, True), (other, mine, False)):
            changed = (side.get(path), against.get(path), was.get(path))
            if changed[0] not in changed[1:] and _is_lost(*changed, made.get(path)):
                lost.append(LostSide(path, is_ours))
    return tuple(lost)


def _is_lost(side: bytes | None, other: bytes | None, was: bytes | None, made: bytes | None) -> bool:
    if made == other:
        return True
    added = _words(side) - _words(was) - _words(other)
    return len(_lines(side) - _lines(was) - _lines(other)) > 1 and bool(added) and not added & _words(made)


def _words(content: bytes | None) -> set[bytes]:
    return set(_WORD.findall(content or b""))


def _lines(content: bytes | None) -> set[bytes]:
    return {line.strip() for line in (content or b"").splitlines()} - {b""}


async def binaries(repository: Repository, commits: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the paths that no text merge can join: in one of the commits they are no text, or no file at all."""
    held = [await _entries(repository, commit, paths) for commit in commits]
    contents = [await _contents(repository, commit, paths) for commit in commits]
    return tuple(
        path
        for path in paths
        if any(mode == SUBMODULE for entries in held for mode, _ in [entries.get(path, ("", ""))])
        or any(b"\0" in files.get(path, b"")[:_PEEK] for files in contents)
    )


async def _contents(repository: Repository, commit: str, paths: Sequence[str]) -> Mapping[str, bytes]:
    """What stands in the files of a commit; a submodule's is the commit it is at."""
    entries = await _entries(repository, commit, paths)
    blobs = await read_blobs(repository, [oid for mode, oid in entries.values() if mode != SUBMODULE])
    return {path: blobs.get(oid, oid.encode()) for path, (_, oid) in entries.items()}


async def _entries(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Mode and object by path."""
    literal = [f":(literal,top){path}" for path in paths]
    listed = await git(repository.root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *literal)
    about = (entry.partition("\t") for entry in listed.fields)
    return {path: (told.split(" ")[0], told.split(" ")[2]) for told, _, path in about}
