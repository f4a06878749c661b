"""Putting comments on a pull request, so that one that GitHub refuses costs no other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from agentflow.github.api import Answer, Api
from agentflow.github.pull_requests import PullRequest
from agentflow.github.standing import ReviewText

#: A comment as GitHub takes it.
Comment = Mapping[str, Any]
#: What GitHub says of comments on lines outside of the diff, such as "Line could not be resolved".
_ABOUT_LINES = re.compile(r"\b(line|start_line|path|diff|hunk|position|subject_type)\b", re.IGNORECASE)


class Placing:
    """Comments on one commit of a pull request."""

    def __init__(self, api: Api, pr: PullRequest, commit: str) -> None:
        self._api = api
        self._pr = pr
        self._commit = commit

    async def begin(self, body: str, comments: Sequence[Comment]) -> tuple[ReviewText, list[Comment]]:
        """A first review with this text. Returns it and the comments that GitHub refuses."""
        answer = await self._review(body, comments)
        if not _refuses_lines(answer, comments):
            return answer.value(ReviewText), []
        review = (await self._review(body, ())).value(ReviewText)
        return review, await self._halved(review, comments)

    async def add(self, review: ReviewText, comments: Sequence[Comment]) -> list[Comment]:
        """More comments, in as few reviews as GitHub takes. Returns those that it refuses.

        It takes all of a review or nothing, and does not say which line it does not know: so the half of them is tried,
        and so on. That is fewer than two requests for each comment.
        """
        if not comments:
            return []
        answer = await self._review(_pointer(len(comments), review), comments)
        if _refuses_lines(answer, comments):
            return await self._halved(review, comments)
        answer.value(ReviewText)
        return []

    async def add_to_files(self, comments: Sequence[Comment]) -> list[Comment]:
        """Comments on whole files, each in a request of its own: reviews take none. Returns those that it refuses."""
        refused: list[Comment] = []
        for comment in comments:
            whole = {**comment, "commit_id": self._commit}
            answer = await self._api.send("POST", f"{self._pr.path}/comments", whole)
            if _refuses_lines(answer, [comment]):
                refused.append(comment)
            else:
                answer.value(ReviewText)
        return refused

    async def _halved(self, review: ReviewText, comments: Sequence[Comment]) -> list[Comment]:
        if len(comments) == 1:
            return list(comments)
        middle = len(comments) // 2
        return [*await self.add(review, comments[:middle]), *await self.add(review, comments[middle:])]

    async def _review(self, body: str, comments: Sequence[Comment]) -> Answer:
        review = {"commit_id": self._commit, "event": "COMMENT", "body": body, "comments": list(comments)}
        return await self._api.send("POST", f"{self._pr.path}/reviews", review)


def _pointer(comments: int, review: ReviewText) -> str:
    what = "1 new comment" if comments == 1 else f"{comments} new comments"
    return f"<!-- agentflow:more -->\n{what}; [the whole review]({review.html_url}) is up to date."


def _refuses_lines(answer: Answer, comments: Sequence[Comment]) -> bool:
    unprocessable = answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
    return unprocessable and bool(comments) and bool(_ABOUT_LINES.search(answer.said))
