"""`agentflow review --pr N`: the review as one on the pull request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agentflow.errors import AgentflowError

if TYPE_CHECKING:
    from agentflow.github.pull_requests import PullRequest
    from agentflow.github.reviews import Compose
    from agentflow.report.reviews.loading import Review
    from agentflow.report.reviews.threads import Threads
    from agentflow.workflows.reviewing.opening import Opened


def show(opened: Opened, review: Review) -> None:
    """Print what would be posted."""
    from agentflow.report import documents, term

    term.data(documents.as_text(_composer(opened, review)(frozenset(), frozenset())))


def post(opened: Opened, pull: PullRequest, review: Review) -> int:
    """Post it, or update the one that is there. Returns 0, or the exit code of what GitHub did not take.

    Threads that cannot be resolved are no failure of the review.
    """
    from agentflow.github.reviews import post_review
    from agentflow.report import term

    root = opened.workplace.repository.root
    try:
        compare = _threads(opened, review).compared
        posted = asyncio.run(post_review(root, pull, _composer(opened, review), compare))
    except AgentflowError as error:
        term.error(f"the review was not posted: {error.message}", error.hint)
        return error.exit_code
    if posted.refusal:
        term.warn(f"threads stay as they are: {posted.refusal}; resolving them takes leave to write contents")
    term.note(f"posted: {posted.url}")
    return 0


def _threads(opened: Opened, review: Review) -> Threads:
    """What was read, to compare it with what stands on the pull request."""
    from agentflow.domain.codec import decode
    from agentflow.domain.reviews import Scope
    from agentflow.report.reviews.threads import Threads
    from agentflow.workflows.reviewing.workbench import Workbench

    scope = decode(Scope, review.run.spec["scope"]) if review.ended else Scope((), ())
    files = dict.fromkeys((*scope.files, *(one.finding.file for one in review.selection.everything)))
    sources = asyncio.run(Workbench().read(opened.workplace.repository, opened.spec, list(files)))
    return Threads(review, scope, sources)


def _composer(opened: Opened, review: Review) -> Compose:
    from agentflow.git.diffs import hunks
    from agentflow.report.reviews.pull_request import pull_request_review

    spec = opened.spec
    found = asyncio.run(hunks(opened.workplace.repository, spec.base, spec.head))
    visible = {path: one.visible for path, one in found.items()}
    return lambda off, out: pull_request_review(review, visible, commit=spec.head, off=off, out=out)
