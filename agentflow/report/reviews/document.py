"""A review as the JSON document of the contract, `agentflow/review/1`. Its schema stands in report/schemas/."""

from __future__ import annotations

from typing import Any

from agentflow.domain.calls import CallKind
from agentflow.domain.findings import Why
from agentflow.report.bill import usage_of
from agentflow.report.documents import cost_entry, usage_entry
from agentflow.report.reviews.entries import (
    dropped_entries,
    finding_entries,
    finding_entry,
    lowered_entries,
    unread_entries,
)
from agentflow.report.reviews.loading import Review

#: Kinds that stand in every review document, used or not.
_KINDS = (CallKind.REVIEW, CallKind.SYNTHESIZE, CallKind.VERIFY)


def review_document(review: Review) -> dict[str, Any]:
    """Everything about a review. `findings` are those shown, then those cut by `--max-findings`."""
    selection, outcome = review.selection, review.outcome
    return {
        "schema": "agentflow/review/1",
        "run_id": review.run.id,
        "status": review.status.value,
        "reason": review.run.reason,
        **_asked(review),
        "partial": outcome.partial,
        "failing": len(selection.failing(review.spec.fail_on)),
        "unsure": len(selection.unsure(review.spec.fail_on)),
        "counts": _counts(review),
        "findings": finding_entries((*selection.shown, *selection.cut)),
        "doubtful": finding_entries(selection.doubtful),
        "known": finding_entries(selection.known),
        "suppressed": [{**finding_entry(one), "suppression": one.suppression} for one in selection.suppressed],
        "accepted": finding_entries(selection.accepted),
        "void": dropped_entries(outcome.dropped, Why.VOID),
        "refuted": dropped_entries(outcome.dropped, Why.REFUTED),
        "merged": dropped_entries(outcome.dropped, Why.MERGED),
        "lowered": lowered_entries(outcome.lowered),
        "files_reviewed": list(outcome.reviewed),
        "files_skipped": unread_entries(outcome.skipped),
        "files_failed": unread_entries(outcome.failed),
        "notes": list(outcome.notes),
        "packs": outcome.packs,
        "kept_answers": outcome.kept_answers,
        **cost_entry(usage_of(review.calls).cost),
        "budget_usd": review.run.budget_usd,
        "duration_s": round(review.run.active_s, 3),
        "usage": usage_entry(review.calls, _KINDS),
    }


def _asked(review: Review) -> dict[str, Any]:
    spec = review.spec
    return {
        "mode": spec.mode.value,
        "base": spec.base,
        "head": spec.head,
        "pull_request": spec.pull_request,
        "fail_on": spec.fail_on.value if spec.fail_on else None,
        "min_confidence": spec.min_confidence,
        "max_findings": spec.max_findings,
        "unsure_fails": spec.unsure_fails,
    }


def _counts(review: Review) -> dict[str, int]:
    selection, outcome = review.selection, review.outcome
    groups = ("shown", "cut", "doubtful", "known", "suppressed", "accepted")
    return {
        **{name: len(getattr(selection, name)) for name in groups},
        "voided": outcome.voided,
        "merged": outcome.merged,
        "refuted": outcome.refuted,
    }
