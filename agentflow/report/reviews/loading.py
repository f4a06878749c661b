"""A review as the ledger holds it, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import decode
from agentflow.domain.reviews import ReviewOutcome, ReviewSpec
from agentflow.errors import UsageError
from agentflow.review.selecting import Selection, select
from agentflow.store.ledger import Ledger
from agentflow.store.processes import present_status
from agentflow.store.records import CallRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Review:
    """Everything a report tells. Before the review has ended, `outcome` and `selection` are empty."""

    run: RunRecord
    status: RunStatus
    spec: ReviewSpec
    outcome: ReviewOutcome
    selection: Selection
    calls: tuple[CallRecord, ...]


def review_of(ledger: Ledger, run_id: str) -> Review:
    """Raises UsageError when the run reviewed nothing."""
    run = ledger.run(run_id)
    if "review" not in run.spec:
        raise UsageError(f"run {run.id} is no review", hint=f"see it: agentflow runs show {run.id}")
    spec = decode(ReviewSpec, run.spec["review"])
    outcome = decode(ReviewOutcome, run.spec["outcome"]) if "outcome" in run.spec else ReviewOutcome()
    selection = select(ledger.findings(run.id), spec)
    return Review(run, present_status(run), spec, outcome, selection, tuple(ledger.calls(run.id)))
