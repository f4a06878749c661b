"""A pull request: which commits it is about, and where. What people wrote into it is not read.

Title, body and author are the ways in for instructions to a reviewer, so they never enter this process's answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from agentflow.errors import EnvironmentError_, UpstreamError, UsageError
from agentflow.github.api import Api
from agentflow.github.gh import gh

_URL = re.compile(r"https?://(?P<host>[\w.][\w.:-]*)/(?P<repository>[\w.][\w.-]*/[\w.][\w.-]*)/pull/(?P<number>\d+)")


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as it stands. `base_oid` is the tip of the branch it is to be merged into, not the merge base.

    `repository` is `owner/name` of the one that branch is in; `aside` says why nobody waits for its review: it is a
    draft, closed or merged.
    """

    number: int
    url: str
    host: str
    repository: str
    base_oid: str
    aside: str = ""

    @property
    def git_url(self) -> str:
        """Where git fetches its commits from, unless a remote of the user's has another address for it."""
        return self.url.rpartition("/pull/")[0] + ".git"

    @property
    def web_address(self) -> str:
        """Where its repository is to be seen."""
        return self.url.rpartition("/pull/")[0]

    @property
    def fetched(self) -> dict[str, str]:
        """What to fetch from there, by name: `head` also for pull requests from forks, `base` by its commit."""
        return {"base": self.base_oid, "head": f"refs/pull/{self.number}/head"}

    @property
    def path(self) -> str:
        """Its path in the REST interface."""
        return f"repos/{self.repository}/pulls/{self.number}"


class _Side(BaseModel):
    sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40,64}$")]


class _Pull(BaseModel):
    base: _Side
    head: _Side
    state: str = "open"
    draft: bool = False
    merged: bool = False

    @property
    def aside(self) -> str:
        if self.merged:
            return "is merged"
        return "is closed" if self.state == "closed" else "is a draft" if self.draft else ""


class _Address(BaseModel):
    url: str


async def pull_request(cwd: Path, number: int) -> PullRequest:
    """The pull request with this number of the repository that `gh` takes the checkout `cwd` for.

    Raises UsageError when there is none, EnvironmentError_ when `gh` is missing, not logged in or not allowed,
    UpstreamError when GitHub fails.
    """
    if number < 1:
        raise UsageError(f"{number} is no pull request's number", hint="agentflow review --pr 7")
    url = await _url(cwd, number)
    found = _URL.fullmatch(url)
    if not found:
        raise UpstreamError(f"gh gave {url!r} as the address of pull request {number}")
    return await _read(Api(cwd, found["host"]), found["repository"], number, url)


async def _url(cwd: Path, number: int) -> str:
    """`gh` alone knows which of the remotes, and which host, pull requests of this checkout belong to."""
    output = await gh(cwd, "pr", "view", str(number), "--json=url")
    if output.returncode:
        kind = UsageError if "could not resolve to a pullrequest" in output.complaint.lower() else EnvironmentError_
        hint = f"see what gh sees: gh pr view {number}; gh repo set-default"
        raise kind(f"gh finds no pull request {number}: {output.complaint}", hint=hint)
    try:
        return TypeAdapter(_Address).validate_json(output.stdout).url
    except ValidationError as error:
        raise UpstreamError(f"gh pr view {number} answered something else than an address") from error


async def _read(api: Api, repository: str, number: int, url: str) -> PullRequest:
    pull = await api.get(f"repos/{repository}/pulls/{number}", _Pull)
    return PullRequest(number, url, api.host, repository, pull.base.sha, pull.aside)


async def current_head(api: Api, pr: PullRequest) -> str:
    """The commit the pull request is at now."""
    return (await api.get(pr.path, _Pull)).head.sha
