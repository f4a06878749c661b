"""Files of a commit, as git stores them: what there is, and the bytes of many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentflow.git.command import DAMAGED, ObjectGone, git
from agentflow.git.repository import Repository

#: A file with more bytes than this is not for reading (5 MB).
TOO_LARGE = 5_000_000

#: Modes, as git writes them.
SUBMODULE = "160000"
SYMLINK = "120000"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file, symlink or submodule of a commit.

    `mode` is git's, in octal; `oid` names the content (a submodule's: its commit); `size` is in bytes, None for a
    submodule. A `path` that is not UTF-8 holds surrogates.
    """

    path: str
    mode: str
    oid: str
    size: int | None

    @property
    def is_submodule(self) -> bool:
        return self.mode == SUBMODULE

    @property
    def is_symlink(self) -> bool:
        return self.mode == SYMLINK


async def tree_files(repository: Repository, commit: str) -> tuple[TreeFile, ...]:
    """All files, symlinks and submodules of a commit, in git's order. Raises ObjectGone when one is not here."""
    listed = await git(repository.root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    return tuple(_tree_file(entry) for entry in listed.fields)


def _tree_file(entry: str) -> TreeFile:
    about, _, path = entry.partition("\t")
    mode, _, oid, size = about.split()
    if size == "BAD":
        raise _gone(oid)
    return TreeFile(path, mode, oid, None if size == "-" else int(size))


async def read_blobs(repository: Repository, oids: Sequence[str]) -> dict[str, bytes]:
    """The exact bytes of these objects, all read by one process and all in memory at once.

    Raises ObjectGone when one is not in the repository.
    """
    if not oids:
        return {}
    asked = "".join(f"{oid}\n" for oid in dict.fromkeys(oids)).encode()
    answer = await git(repository.root, "cat-file", "--batch", "--buffer", stdin=asked)
    stream = await asyncio.to_thread(answer.stdout.encode, "utf-8", "surrogateescape")
    return dict(_blobs(stream))


def _blobs(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """Each answer is `<oid> <type> <size>`, a newline, the content and another newline."""
    at = 0
    while at < len(stream):
        end = stream.index(b"\n", at)
        oid, *about = stream[at:end].decode().split()
        if len(about) != 2:
            raise _gone(oid)
        at = end + 1 + int(about[1])
        yield oid, stream[end + 1 : at]
        at += 1


def _gone(oid: str) -> ObjectGone:
    return ObjectGone(f"the repository does not hold the object {oid}", hint=DAMAGED)
