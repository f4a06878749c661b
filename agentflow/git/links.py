"""Symlinks of a commit, followed inside the repository and never out of it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from pathlib import PurePosixPath

from agentflow.domain.scope import alternatives, matches_scope
from agentflow.git.blobs import SYMLINK, read_blobs
from agentflow.git.command import git
from agentflow.git.repository import Repository

#: How many links one path may lead through.
_DEPTH = 8


async def followed_scope(repository: Repository, commit: str, scope: Sequence[str]) -> tuple[str, ...]:
    """A write scope, and after it what the links lead to that it names: what is written there is the target.

    A link counts as the commit has it, never as an agent made it, and only if an entry names it or a path through it;
    one that a wildcard covers among others gives nothing away.
    """
    found = list(dict.fromkeys(scope))
    fresh = found
    for _ in range(_DEPTH):
        links = await links_of(repository, commit, {part for entry in fresh for part in _named(entry)})
        fresh = [place for entry in fresh for place in _through(entry, links) if place not in found]
        if not fresh:
            break
        found += fresh
    return tuple(found)


async def links_of(repository: Repository, commit: str, paths: set[str]) -> dict[str, str]:
    """By those of the paths that are links, the path in the repository that each leads to."""
    if not paths:
        return {}
    listed = await git(repository.root, "ls-tree", "-z", "--full-tree", commit, "--", *sorted(paths))
    entries = [entry.partition("\t") for entry in listed.fields if entry.startswith(f"{SYMLINK} ")]
    oids = {path: about.split()[2] for about, _, path in entries}
    blobs = await read_blobs(repository, list(oids.values()))
    targets = {path: _inside(path, blobs[oid].decode("utf-8", "surrogateescape")) for path, oid in oids.items()}
    return {path: target for path, target in targets.items() if target}


def _inside(link: str, target: str) -> str | None:
    """The target from the repository's root; None when it lies outside, in `.git`, or is the root."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(link), target))
    is_outside = target.startswith("/") or "\0" in target or path in {".", ".."} or path.startswith("../")
    return None if is_outside or ".git" in PurePosixPath(path).parts else path


def _through(entry: str, links: dict[str, str]) -> list[str]:
    """The entry with each link at its beginning replaced by what it leads to."""
    glob = entry.strip().removeprefix("./").lstrip("/")
    return [target + glob[len(link) :] for link, target in links.items() if matches_scope(f"{glob}/x", [link])]


def _named(entry: str) -> set[str]:
    """Every path at the beginning of an entry that is written out, without a wildcard."""
    try:
        globs = alternatives(entry)
    except ValueError:
        return set()
    return {part for glob in globs for part in _parents(glob)}


def _parents(glob: str) -> list[str]:
    parts: list[str] = []
    for part in PurePosixPath(glob.strip().lstrip("/")).parts:
        if set(part) & set("*?{}") or part in {"..", ".git", "."}:
            break
        parts.append(part)
    return ["/".join(parts[: n + 1]) for n in range(len(parts))]
