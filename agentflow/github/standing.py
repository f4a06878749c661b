"""What stands on a pull request: agentflow's own review and comments, and what people said to them.

They are known by hidden markers, at the very start of texts, whichever login wrote them, as long as it may write to the
repository: no stranger's words, and no model's, can pass for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from agentflow.domain.findings import Answer, How
from agentflow.github.api import Api
from agentflow.github.earlier import Earlier
from agentflow.github.pull_requests import PullRequest
from agentflow.github.writers import Author, Writers

_MARKER = "<!-- agentflow:"
_REVIEW = "<!-- agentflow:review -->"
_FINDING = re.compile(r"<!-- agentflow:finding:(?P<fingerprint>\S+)(?: (?P<identity>[0-9a-f./]+))? -->")
#: Comments, by number, that were called resolved: later reviews may not read their places again. `closed` are those
#: whose threads agentflow resolved: who opens one again is not argued with.
_NUMBERS = r"^<!-- agentflow:{} ([\d ]+) -->$"
_MOST_PAGES = 100
#: Threads come fifty at a time, with their first comments: enough to see that a person has answered.
_THREADS = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved isOutdated path
          resolvedBy { login kind: __typename }
          comments(first: 50) {
            nodes {
              fullDatabaseId url body isMinimized authorAssociation
              author { login kind: __typename }
              pullRequestReview { state }
            }
          }
        }
      }
    }
  }
}
"""


class _Review(BaseModel):
    state: str = ""


class _Comment(BaseModel):
    number: int = Field(alias="fullDatabaseId")
    url: str
    body: str = ""
    hidden: bool = Field(default=False, alias="isMinimized")
    association: str = Field(default="", alias="authorAssociation")
    author: Author | None = None
    review: _Review | None = Field(default=None, alias="pullRequestReview")

    @property
    def is_dismissed(self) -> bool:
        """Only who may write can hide a comment or dismiss a review."""
        return self.hidden or (self.review is not None and self.review.state == "DISMISSED")

    @property
    def is_a_persons(self) -> bool:
        """Also that of the login that is used here: whatever agentflow writes is marked."""
        return self.author is not None and self.author.kind == "User" and not self.body.startswith(_MARKER)


class _Comments(BaseModel):
    nodes: list[_Comment]


class _Thread(BaseModel):
    id: str
    is_resolved: bool = Field(alias="isResolved")
    is_outdated: bool = Field(default=False, alias="isOutdated")
    path: str
    resolved_by: Author | None = Field(default=None, alias="resolvedBy")
    comments: _Comments


class _PageInfo(BaseModel):
    more: bool = Field(alias="hasNextPage")
    cursor: str | None = Field(default=None, alias="endCursor")


class _Page(BaseModel):
    page: _PageInfo = Field(alias="pageInfo")
    nodes: list[_Thread]


class _Pull(BaseModel):
    threads: _Page = Field(alias="reviewThreads")


class _Repository(BaseModel):
    pull: _Pull = Field(alias="pullRequest")


class _Answer(BaseModel):
    viewer: Author
    repository: _Repository


class _User(BaseModel):
    login: str
    type: str = "User"


class ReviewText(BaseModel):
    """A review as the REST interface has it."""

    id: int
    html_url: str
    body: str | None = ""
    user: _User | None = None
    author_association: str = ""

    def numbers(self, of: str) -> frozenset[int]:
        """The comments that it calls `resolved`, or whose threads it calls `closed`."""
        found = re.search(_NUMBERS.format(of), self.body or "", re.MULTILINE)
        return frozenset(map(int, found[1].split())) if found else frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """`review` is this login's own, which is kept up to date; `comments` are those on findings, by whichever login.

    `resolved` are the comments that were called resolved, `closed` those whose threads agentflow resolved.
    """

    review: ReviewText | None
    resolved: frozenset[int]
    closed: frozenset[int]
    comments: tuple[Earlier, ...]


async def standing(api: Api, pr: PullRequest) -> Standing:
    """Read it: one request for fifty threads, one for a hundred reviews, and one for each person who counts."""
    login, threads = await _threads(api, pr)
    writers = Writers(api, pr.repository, login)
    marked = [one for one in await api.pages(f"{pr.path}/reviews", ReviewText) if (one.body or "").startswith(_REVIEW)]
    trusted = [one for one in marked if await writers.include(_author(one), one.author_association)]
    mine = next((one for one in trusted if one.user and one.user.login == login), None)
    latest = mine or (trusted[-1] if trusted else None)
    resolved, closed = (latest.numbers(of) if latest else frozenset[int]() for of in ("resolved", "closed"))
    found = [await _earlier(thread, resolved, writers) for thread in threads]
    return Standing(mine, resolved, closed, tuple(one for one in found if one is not None))


def _author(review: ReviewText) -> Author | None:
    return Author(login=review.user.login, kind=review.user.type) if review.user else None


async def _threads(api: Api, pr: PullRequest) -> tuple[str, list[_Thread]]:
    """The login that is used, and every thread."""
    owner, _, name = pr.repository.partition("/")
    variables: dict[str, Any] = {"owner": owner, "name": name, "number": pr.number, "after": None}
    found: list[_Thread] = []
    for _ in range(_MOST_PAGES):
        answer = await api.query(_THREADS, _Answer, variables)
        threads = answer.repository.pull.threads
        found += threads.nodes
        variables["after"] = threads.page.cursor
        if not threads.page.more:
            break
    return answer.viewer.login, found


async def _earlier(thread: _Thread, resolved: frozenset[int], writers: Writers) -> Earlier | None:
    """The comment on a finding that began the thread; None for every other thread."""
    first, replies = next(iter(thread.comments.nodes), None), thread.comments.nodes[1:]
    marker = _FINDING.match(first.body) if first else None
    if first is None or marker is None or not await writers.include(first.author, first.association):
        return None
    was_resolved = first.number in resolved
    return Earlier(
        first.number,
        first.url,
        thread.path,
        marker["fingerprint"],
        marker["identity"] or "",
        first.body,
        outdated=thread.is_outdated,
        thread=thread.id,
        is_open=not (thread.is_resolved or first.is_dismissed),
        answer=await _answer(thread, first, replies, writers, was_resolved=was_resolved),
    )


async def _answer(
    thread: _Thread, first: _Comment, replies: list[_Comment], writers: Writers, *, was_resolved: bool
) -> Answer | None:
    """What people made of it. Who closes a thread that was called resolved agrees with that, and accepts no defect.

    A reply accepts nothing either: nobody can tell here whether it says that there is no defect, or that it is mended
    soon.
    """
    if first.is_dismissed and not was_resolved:
        return Answer(How.DISMISSED, "", first.url, accepted=True)
    by = thread.resolved_by
    if thread.is_resolved and by is not None and not writers.is_bot(by) and not was_resolved:
        association = next((one.association for one in replies if one.author and one.author.login == by.login), "")
        return Answer(How.RESOLVED, by.name, first.url, accepted=await writers.include(by, association))
    reply = next((one for one in reversed(replies) if one.is_a_persons), None)
    return Answer(How.REPLIED, reply.author.name, reply.url, accepted=False) if reply and reply.author else None
