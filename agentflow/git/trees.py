"""Trees put together in the object store alone, from commits and contents: no worktree, no index of the user's."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from agentflow.git.command import git, settings
from agentflow.git.commits import held_commit
from agentflow.git.holding import until_held
from agentflow.git.repository import Repository

#: Neither may put a file into the user's git directory.
_SETTINGS = {"core.splitIndex": "false", "index.sparse": "false"}


@until_held
async def graft(repository: Repository, onto: str, source: str, paths: Collection[str], ref: str) -> str:
    """A commit on `onto` in which `paths` are as in the commit `source`, or missing where they are missing there.

    `ref` holds it, so that no garbage collection takes it away; it moves when there was one before.
    """
    listed = await git(repository.root, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", onto, source)
    entries = []
    for about, path in zip(listed.fields[::2], listed.fields[1::2], strict=True):
        _, mode, _, oid, _ = about.split(" ")
        if path in paths:
            entries.append(f"{mode} {oid}\t{path}\0")
    return await _commit(repository, onto, entries, f"{len(entries)} paths as in {source}", ref)


@until_held
async def with_file(repository: Repository, onto: str, path: str, content: bytes, ref: str) -> str:
    """A commit on `onto` in which the file at `path`, which is there, has this content. `ref` as in `graft`."""
    held = await git(repository.root, "ls-tree", "-z", "--full-tree", onto, "--", f":(literal){path}")
    mode = held.stdout.partition(" ")[0]
    oid = (await git(repository.root, "hash-object", "-w", "--stdin", "--no-filters", stdin=content)).line
    return await _commit(repository, onto, [f"{mode} {oid}\t{path}\0"], f"{path} changed", ref)


async def _commit(repository: Repository, onto: str, entries: Sequence[str], message: str, ref: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        env = {**settings(_SETTINGS), "GIT_INDEX_FILE": str(Path(folder, "index"))}
        await git(repository.root, "read-tree", onto, env=env)
        given = "".join(entries).encode("utf-8", "surrogateescape")
        await git(repository.root, "update-index", "-z", "--index-info", env=env, stdin=given)
        tree = (await git(repository.root, "write-tree", "--missing-ok", env=env)).line
    return await held_commit(repository, tree, onto, message, ref=ref)
