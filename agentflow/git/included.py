"""Ignored files of the user's checkout that every worktree needs: what `.worktreeinclude` names, what a build made."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from agentflow.config.secrecy import learn_files
from agentflow.git.command import git
from agentflow.git.copying import copy_beside
from agentflow.git.linked import entry_of, record_included
from agentflow.git.repository import Repository

_ENVIRONMENTS = (".venv", "venv")
#: Files of one copied folder among which those of secrets are looked for.
_MOST_SEARCHED = 10_000
#: Where setuptools-scm, hatch-vcs, versioningit and their like write the version to.
_VERSION = re.compile(r"_*(?:\w+_)?version(?:_info)?_*\.pyi?")


async def generated_versions(repository: Repository) -> tuple[str, ...]:
    """Git-ignored modules beside a package's own, by relative name, that a build has written its version to.

    They hold nothing of the user's, and the package cannot be imported without.
    """
    tracked = await git(repository.root, "ls-files", "-z", "--", "*.py")
    found = await asyncio.to_thread(lambda: tuple(_versions(repository.root, tracked.fields)))
    if not found:
        return ()
    given = "\0".join(found).encode(errors="surrogateescape")
    ignored = await git(repository.root, "check-ignore", "-z", "--stdin", check=False, stdin=given)
    return ignored.fields


def _versions(root: Path, tracked: Sequence[str]) -> Iterator[str]:
    for folder in sorted({name.rpartition("/")[0] for name in tracked}):
        for path in sorted((root / folder).glob("*version*.py*")):
            name = f"{folder}/{path.name}".lstrip("/")
            if _VERSION.fullmatch(path.name) and path.is_file() and name not in tracked:
                yield name


async def tracked_environments(repository: Repository) -> frozenset[Path]:
    """Virtualenvs in the checkout that hold files of the repository's own: what is in them, anybody may have written.

    By the usual names anywhere, and the active one wherever it lies.
    """
    root = repository.root
    active = [Path(place) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if (place := os.environ.get(name))]
    named = [place.relative_to(root).as_posix() for place in active if place.is_relative_to(root)]
    usual = [f":(glob)**/{name}{below}" for name in _ENVIRONMENTS for below in ("", "/**")]
    listed = await git(root, "ls-files", "-z", "--", *usual, *(f":(literal){name}" for name in named))
    found = [place for path in map(PurePosixPath, listed.fields) for place in (path, *path.parents)]
    return frozenset(root / place for place in found if place.name in _ENVIRONMENTS or str(place) in named)


async def copy_included(repository: Repository, worktree: Path) -> None:
    """Copy what matches `.worktreeinclude` (gitignore syntax) and is git-ignored in the user's checkout.

    Whole folders are copied with all that is in them, links as links, and nothing over a file of the commit.
    """
    patterns = repository.root / ".worktreeinclude"
    if not patterns.is_file():
        return
    named = ("ls-files", "-z", "--others", "--ignored", "--directory", f"--exclude-from={patterns}")
    listed = await git(repository.root, *named)
    given = listed.stdout.encode(errors="surrogateescape")
    ignored = await git(repository.root, "check-ignore", "-z", "--stdin", check=False, stdin=given)
    copied = await asyncio.to_thread(copy_beside, repository.root, worktree, _lowest(ignored.fields))
    await asyncio.to_thread(lambda: learn_files(repository.root, _files(repository.root, ignored.fields)))
    record_included(entry_of(repository, worktree), copied)


def _files(root: Path, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        within = islice((root / name).rglob("*"), _MOST_SEARCHED) if name.endswith("/") else ()
        yield from [name, *(str(path.relative_to(root)) for path in within)]


def _lowest(names: tuple[str, ...]) -> tuple[str, ...]:
    """Git lists a folder beside what it holds where only the latter matches."""
    above = {f"{parent}/" for name in names for parent in Path(name.rstrip("/")).parents}
    return tuple(name for name in names if name not in above)
