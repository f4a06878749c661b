"""Putting a review on a pull request: once, and afterwards brought up to date in place.

What is already there is known by hidden markers, at the very start of texts that the same login wrote: nobody else's
words, and no model's, can pass for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agentflow.errors import EnvironmentError_
from agentflow.github.api import Answer, Api
from agentflow.github.earlier import Compare, Compared, Earlier, Fate
from agentflow.github.pull_requests import PullRequest, current_head

_REVIEW = re.compile(r"<!-- agentflow:review -->")
_FINDING = re.compile(r"<!-- agentflow:finding:(?P<fingerprint>\S+)(?: (?P<identity>[0-9a-f./]+))? -->")
#: Comments, by number, that were called resolved: later reviews may not read their places again.
_RESOLVED = re.compile(r"^<!-- agentflow:resolved ([\d ]+) -->$", re.MULTILINE)
#: What GitHub says of comments on lines outside of the diff, such as "Line could not be resolved".
_ABOUT_LINES = re.compile(r"\b(line|start_line|path|diff|hunk|position)\b", re.IGNORECASE)
_MOST_LINKS = 20
_VIEWER = "query { viewer { login } }"


class _User(BaseModel):
    login: str


class _Viewer(BaseModel):
    viewer: _User


class _ViewerAnswer(BaseModel):
    data: _Viewer


class _Text(BaseModel):
    """A review, or a comment on lines, as GitHub has it."""

    id: int
    html_url: str
    body: str | None = ""
    user: _User | None = None
    path: str = ""
    line: int | None = None

    def marked(self, marker: re.Pattern[str]) -> re.Match[str] | None:
        return marker.match(self.body or "")


@dataclass(frozen=True, slots=True)
class _Posted:
    """What this login has on the pull request: the review that is kept up to date, and comments on findings."""

    review: _Text | None
    comments: tuple[Earlier, ...]

    @property
    def resolved(self) -> frozenset[int]:
        """The comments that the review called resolved."""
        found = _RESOLVED.search((self.review.body if self.review else "") or "")
        return frozenset(map(int, found[1].split())) if found else frozenset()


async def post_review(
    cwd: Path, pr: PullRequest, payload: Mapping[str, Any], plain: Mapping[str, Any], compare: Compare
) -> str:
    """Put `payload` on the pull request, or bring the review that is there up to it; the review's address.

    `payload` is the body of `POST …/pulls/N/reviews`; `plain` the same review without comments on lines, used when
    GitHub refuses those; `compare` says which findings are told on the pull request, and what became of those that are.
    Of comments only those on findings not commented on before are posted, in one review; the
    former review's text is replaced, and nothing is sent when nothing changed. Raises EnvironmentError_ when the pull
    request has moved on from the reviewed commit or GitHub refuses, UpstreamError when it fails.
    """
    api = Api(cwd, pr.host)
    await _require_head(api, pr, payload["commit_id"])
    posted = await _posted(api, pr)
    compared = compare(posted.comments)
    fresh = [comment for comment in payload["comments"] if _fingerprint(comment["body"]) not in compared.told]
    payload = {**payload, "comments": fresh, "body": _with_fates(payload["body"], posted, compared)}
    plain = {**plain, "body": _with_fates(plain["body"], posted, compared)}
    if posted.review is None:
        return await _first(api, pr, payload, plain)
    return await _again(api, pr, posted.review, payload, plain)


async def _require_head(api: Api, pr: PullRequest, reviewed: str) -> None:
    head = await current_head(api, pr)
    if head != reviewed:
        raise EnvironmentError_(
            f"pull request {pr.number} moved to {head[:12]} since {reviewed[:12]} was reviewed; nothing was posted",
            hint=f"agentflow review --pr {pr.number}",
        )


async def _posted(api: Api, pr: PullRequest) -> _Posted:
    # The login of a workflow's own token may not read `user`, but may ask who it is here.
    login = (await api.query(_VIEWER, _ViewerAnswer)).data.viewer.login
    reviews = _of(login, await api.pages(f"{pr.path}/reviews", _Text))
    comments = _of(login, await api.pages(f"{pr.path}/comments", _Text))
    review = next((review for review in reviews if review.marked(_REVIEW)), None)
    return _Posted(review, tuple(_earlier(one, found) for one in comments if (found := one.marked(_FINDING))))


def _earlier(comment: _Text, marker: re.Match[str]) -> Earlier:
    return Earlier(
        comment.id,
        comment.html_url,
        comment.path,
        marker["fingerprint"],
        marker["identity"] or "",
        comment.body or "",
        outdated=comment.line is None,
    )


def _of(login: str, texts: Iterable[_Text]) -> list[_Text]:
    return [text for text in texts if text.user and text.user.login == login]


def _fingerprint(body: str) -> str | None:
    found = _FINDING.match(body)
    return found["fingerprint"] if found else None


def _with_fates(body: str, posted: _Posted, compared: Compared) -> str:
    """The body with a line for each fate of earlier comments, and a note of which are resolved by now.

    What was resolved stays so until it is found again: no later review need read its place.
    """
    by_fate: dict[Fate, list[Earlier]] = {fate: [] for fate in Fate}
    for earlier, fate in zip(posted.comments, compared.fates, strict=True):
        was_resolved = earlier.number in posted.resolved
        if fate is Fate.PRESENT:
            by_fate[fate] += [earlier] if was_resolved else []
        else:
            by_fate[Fate.RESOLVED if was_resolved and fate is not Fate.REFUTED else fate].append(earlier)
    numbers = " ".join(str(earlier.number) for earlier in by_fate[Fate.RESOLVED])
    told = [f"**{fate}**: {_links(some)}" for fate, some in by_fate.items() if some]
    return "\n\n".join([body, *told, *([f"<!-- agentflow:resolved {numbers} -->"] if numbers else [])])


def _links(comments: Sequence[Earlier]) -> str:
    links = ", ".join(f"[{n}]({comment.url})" for n, comment in enumerate(comments[:_MOST_LINKS], start=1))
    return f"{links} and {len(comments) - _MOST_LINKS} more" if len(comments) > _MOST_LINKS else links


async def _first(api: Api, pr: PullRequest, payload: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    answer = await _post(api, pr, payload)
    if _refuses_lines(answer, payload):
        answer = await _post(api, pr, plain)
    return answer.value(_Text).html_url


async def _again(api: Api, pr: PullRequest, former: _Text, payload: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    body = payload["body"]
    if payload["comments"]:
        answer = await _post(api, pr, {**payload, "body": _pointer(len(payload["comments"]), former)})
        if _refuses_lines(answer, payload):
            body = plain["body"]
        else:
            answer.value(_Text)
    if _same(body, former.body or ""):
        return former.html_url
    return (await api.send("PUT", f"{pr.path}/reviews/{former.id}", {"body": body})).value(_Text).html_url


async def _post(api: Api, pr: PullRequest, payload: Mapping[str, Any]) -> Answer:
    return await api.send("POST", f"{pr.path}/reviews", payload)


def _pointer(comments: int, former: _Text) -> str:
    what = "1 new comment" if comments == 1 else f"{comments} new comments"
    return f"<!-- agentflow:more -->\n{what}; [the whole review]({former.html_url}) is up to date."


def _refuses_lines(answer: Answer, payload: Mapping[str, Any]) -> bool:
    """GitHub takes all of a review or nothing: one line it does not know refuses the rest with it."""
    unprocessable = answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    return unprocessable and bool(payload["comments"]) and bool(_ABOUT_LINES.search(answer.said))


def _same(text: str, posted: str) -> bool:
    return text.split() == posted.split()
