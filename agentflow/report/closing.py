"""The closing words about a run, whatever it did: a review's report, any other run's summary."""

from __future__ import annotations

from agentflow.report import documents
from agentflow.report.reviews.formats import FORMATS
from agentflow.report.reviews.loading import review_of
from agentflow.report.summary import summary_text
from agentflow.store.ledger import Ledger
from agentflow.store.records import RunRecord


def closing_text(ledger: Ledger, run: RunRecord) -> str:
    """For people; nothing in it steers a terminal."""
    return FORMATS["text"](review_of(ledger, run.id)) if run.is_review else summary_text(ledger, run.id)


def closing_document(ledger: Ledger, run: RunRecord) -> str:
    """`agentflow/review/1` or `agentflow/run/1`, as it is printed."""
    if run.is_review:
        return FORMATS["json"](review_of(ledger, run.id))
    return documents.as_text(documents.run_document(ledger, run.id))
