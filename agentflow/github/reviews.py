"""Putting a review on a pull request: once, and afterwards brought up to date in place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.errors import EnvironmentError_
from agentflow.github.api import Api
from agentflow.github.earlier import Compare, Compared, Earlier, Fate
from agentflow.github.placing import Comment, Placing
from agentflow.github.pull_requests import PullRequest, current_head
from agentflow.github.settling import Settled, settle
from agentflow.github.standing import ReviewText, Standing, standing

_FINGERPRINT = re.compile(r"<!-- agentflow:finding:(\S+)")
_MOST_LINKS = 20
#: The review as it would be posted: the text, and the comments on lines and on whole files. Given are the fingerprints
#: of findings whose lines GitHub does not take, and of those for which it takes no comment at all.
Compose = Callable[[frozenset[str], frozenset[str]], Mapping[str, Any]]
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Posted:
    """The review's address, and why threads could not be resolved or opened again; empty when they could."""

    url: str
    refusal: str = ""


async def post_review(cwd: Path, pr: PullRequest, compose: Compose, compare: Compare) -> Posted:
    """Put a review on the pull request, or bring the one that is there up to it.

    `compare` says which findings are told on the pull request, and what became of those that are. Of comments only
    those on findings not commented on before are posted; the former review's text is replaced, threads are settled, and
    nothing is sent when nothing changed. Raises EnvironmentError_ when the pull request has moved on from the reviewed
    commit or GitHub refuses, UpstreamError when it fails.
    """
    api, draft = Api(cwd, pr.host), compose(_NONE, _NONE)
    await _require_head(api, pr, draft["commit_id"])
    stood = await standing(api, pr)
    compared = compare(stood.comments)
    before = _with_fates(draft["body"], stood, compared, Settled(stood.closed))
    placing = Placing(api, pr, draft["commit_id"])
    review, off = await _on_lines(placing, stood, before, _fresh(draft["comments"], compared))
    draft = compose(off, _NONE)
    out = _fingerprints(await placing.add_to_files(_fresh(draft["file_comments"], compared)))
    settled = await settle(api, stood, compared)
    body = _with_fates(compose(off, out)["body"], stood, compared, settled)
    return Posted(await _told(api, pr, review, body), settled.refusal)


async def _require_head(api: Api, pr: PullRequest, reviewed: str) -> None:
    head = await current_head(api, pr)
    if head != reviewed:
        raise EnvironmentError_(
            f"pull request {pr.number} moved to {head[:12]} since {reviewed[:12]} was reviewed; nothing was posted",
            hint=f"agentflow review --pr {pr.number}",
        )


async def _on_lines(
    placing: Placing, stood: Standing, body: str, comments: Sequence[Comment]
) -> tuple[ReviewText, frozenset[str]]:
    """The review of this login, begun if there is none, and the findings whose lines GitHub refuses."""
    if stood.review is None:
        review, refused = await placing.begin(body, comments)
        return review.model_copy(update={"body": body}), _fingerprints(refused)
    return stood.review, _fingerprints(await placing.add(stood.review, comments))


async def _told(api: Api, pr: PullRequest, review: ReviewText, body: str) -> str:
    if body.split() != (review.body or "").split():
        answer = await api.send("PUT", f"{pr.path}/reviews/{review.id}", {"body": body})
        return answer.value(ReviewText).html_url
    return review.html_url


def _fresh(comments: Iterable[Comment], compared: Compared) -> list[Comment]:
    return [comment for comment in comments if not _fingerprints([comment]) <= compared.told]


def _fingerprints(comments: Iterable[Comment]) -> frozenset[str]:
    return frozenset(found[1] for comment in comments if (found := _FINGERPRINT.match(comment["body"])))


def _with_fates(body: str, stood: Standing, compared: Compared, settled: Settled) -> str:
    """The body with a line for each fate of earlier comments, and notes of which are resolved, and by whom.

    What was resolved stays so until it is found again: no later review need read its place.
    """
    by_fate: dict[Fate, list[Earlier]] = {fate: [] for fate in Fate}
    still_closed: list[Earlier] = []
    for earlier, fate in zip(stood.comments, compared.fates, strict=True):
        was_resolved = earlier.number in stood.resolved
        if fate is Fate.PRESENT:
            by_fate[fate] += [earlier] if was_resolved else []
            is_closed = was_resolved and not earlier.is_open and earlier.number not in settled.reopened
            still_closed += [earlier] if is_closed else []
        else:
            by_fate[Fate.RESOLVED if was_resolved and fate is not Fate.REFUTED else fate].append(earlier)
    told = [f"**{fate}**: {_links(some)}" for fate, some in by_fate.items() if some]
    # What is back in a thread that stays closed was not accepted by whoever closed it.
    resolved = [earlier.number for earlier in (*by_fate[Fate.RESOLVED], *still_closed)]
    return "\n\n".join([body, *told, *_note("resolved", resolved), *_note("closed", settled.closed)])


def _note(what: str, numbers: Iterable[int]) -> list[str]:
    listed = " ".join(map(str, sorted(numbers)))
    return [f"<!-- agentflow:{what} {listed} -->"] if listed else []


def _links(comments: Sequence[Earlier]) -> str:
    links = ", ".join(f"[{n}]({comment.url})" for n, comment in enumerate(comments[:_MOST_LINKS], start=1))
    return f"{links} and {len(comments) - _MOST_LINKS} more" if len(comments) > _MOST_LINKS else links
