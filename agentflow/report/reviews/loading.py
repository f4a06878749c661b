"""A review as the ledger holds it, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import decode
from agentflow.domain.reviews import Mending, ReviewOutcome, ReviewSpec
from agentflow.errors import UsageError
from agentflow.review.selecting import Selection, select
from agentflow.store.ledger import Ledger
from agentflow.store.processes import present_status
from agentflow.store.records import CallRecord, RunRecord


@dataclass(frozen=True, slots=True)
class Review:
    """Everything a report tells. Before the review has ended, `outcome` and `selection` are empty.

    `mending` is what the review at the end of a run handed back to it.
    """

    run: RunRecord
    status: RunStatus
    spec: ReviewSpec
    outcome: ReviewOutcome
    selection: Selection
    calls: tuple[CallRecord, ...]
    mending: Mending = field(default_factory=Mending)

    @property
    def ended(self) -> bool:
        return "outcome" in self.run.spec


def review_of(ledger: Ledger, run_id: str) -> Review:
    """Raises UsageError when the run reviewed nothing."""
    run = ledger.run(run_id)
    if "review" not in run.spec:
        raise UsageError(f"run {run.id} is no review", hint=f"see it: agentflow runs show {run.id}")
    spec = decode(ReviewSpec, run.spec["review"])
    outcome = decode(ReviewOutcome, run.spec["outcome"]) if "outcome" in run.spec else ReviewOutcome()
    selection = select(ledger.findings(run.id), spec)
    mending = decode(Mending, run.spec.get("mending", {}))
    return Review(run, present_status(run), spec, outcome, selection, tuple(ledger.calls(run.id)), mending)


def review_at_end(ledger: Ledger, run: RunRecord) -> Review | None:
    """The review that a run has made of its own diff; None before it began, and for any other run."""
    return review_of(ledger, run.id) if "review" in run.spec and not run.is_review else None
