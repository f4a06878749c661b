"""Bringing commits of another repository here, with nothing but objects and agentflow's own refs changed.

The user's ssh settings and credential helpers are used, as they are for every fetch of the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from agentflow.errors import EnvironmentError_
from agentflow.git.command import complaint, git, settings
from agentflow.git.process import GitOutput
from agentflow.git.ranges import is_shallow, merge_base
from agentflow.git.repository import Repository

#: No tags, submodules, FETCH_HEAD or housekeeping, nothing pruned, and no program of the configuration's choice.
_QUIETLY = (
    "--quiet",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-prune",
    "--no-prune-tags",
    "--refmap=",
    "--upload-pack=git-upload-pack",
)
_PROTOCOLS = {"GIT_ALLOW_PROTOCOL": "http:https:ssh:file:git"}
#: A server that sends less than a byte a second for a minute is given up: git itself would wait for ever.
_SETTINGS = settings({"http.lowSpeedLimit": "1", "http.lowSpeedTime": "60", "fetch.writeCommitGraph": "false"})
#: How a shallow clone gets the history that two commits share: what most branches need, then all.
_DEEPER = ("--deepen=500", "--unshallow")
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+@")
_URL = re.compile(
    r"(?:(?:https?|ssh|git)://)?(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+(?=/))?[:/]+(?P<path>.+?)(?:\.git)?/*",
    re.IGNORECASE,
)


_REMOTE = re.compile(r"(?:https?|ssh|git)://|[^/]*@", re.IGNORECASE)


async def source_of(repository: Repository, url: str) -> str:
    """The address to fetch the repository at `url` from: the one a remote has for it, which the user's keys fit."""
    listed = await git(repository.root, "config", "-z", "--get-regexp", r"^remote\..*\.url$", check=False)
    known = (entry.partition("\n")[2] for entry in listed.fields)
    return next((address for address in known if _place(address) == _place(url)), url)


async def web_address(repository: Repository) -> str:
    """Where `origin` is to be seen on the web, without a login in it; empty for a folder and where there is none."""
    configured = await git(repository.root, "config", "--get", "remote.origin.url", check=False)
    url = configured.stdout.strip()
    found = _URL.fullmatch(url) if _REMOTE.match(url) else None
    return f"https://{found['host']}/{quote(found['path'])}" if found else ""


def _place(url: str) -> str:
    """Host and path, however the address is written: `git@host:o/r`, `ssh://git@host/o/r.git`, `https://host/o/r/`."""
    found = _URL.fullmatch(url)
    return f"{found['host']}/{found['path']}".lower() if found else url


async def fetch_ends(repository: Repository, source: str, run_id: str, *, base: str, head: str) -> tuple[str, str]:
    """Fetch the two ends of a change as `fetch_commits` does, and in a shallow clone as much history as joins them.

    Only that makes a shallow clone deeper; its checkout stays as it is. Raises what `fetch_commits` raises.
    """
    wanted = {"base": base, "head": head}
    commits = await fetch_commits(repository, source, wanted, run_id)
    for deeper in _DEEPER:
        if await merge_base(repository, commits["base"], commits["head"]) or not await is_shallow(repository):
            break
        commits = await fetch_commits(repository, source, wanted, run_id, deeper)
    return commits["base"], commits["head"]


async def fetch_commits(
    repository: Repository, source: str, wanted: Mapping[str, str], run_id: str, *options: str
) -> dict[str, str]:
    """Fetch refs or commits from the address `source`: by the names of `wanted`, the commits they are.

    Each is kept as `refs/agentflow/<run>/pull/<name>`. Branches, remote-tracking refs, tags and FETCH_HEAD stay as
    they are. Raises EnvironmentError_ when git cannot reach or read the source, or lacks what is wanted there.
    """
    kept = {name: f"refs/agentflow/{run_id}/pull/{name}" for name in wanted}
    specs = [f"+{what}:{kept[name]}" for name, what in wanted.items()]
    fetched = await git(
        repository.root,
        *("fetch", *_QUIETLY, *options, "--end-of-options", source, *specs),
        check=False,
        env=_PROTOCOLS | _SETTINGS,
    )
    if not fetched.ok:
        raise _not_fetched(source, fetched)
    return {name: await _commit(repository, ref) for name, ref in kept.items()}


async def _commit(repository: Repository, ref: str) -> str:
    return (await git(repository.root, "rev-parse", "--verify", f"{ref}^{{commit}}")).line


def _not_fetched(source: str, output: GitOutput) -> EnvironmentError_:
    said = _CREDENTIALS.sub("", f"cannot fetch from {source}: {complaint(output)}")
    return EnvironmentError_(said, hint="see that git can read it; for GitHub: gh auth setup-git")
