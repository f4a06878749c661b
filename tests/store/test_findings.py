from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from agentflow.domain.findings import Answer, Category, Finding, How, ReviewedFinding, Severity, Verified

FINDING = Finding(
    rule="off-by-one",
    title="The last page is never read",
    message="range(pages - 1) stops one early.",
    file="src/naïve\n[/red].py",
    line=3,
    end_line=4,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.85,
    evidence="for page in range(pages - 1):",
    suggestion="    for page in range(pages):",
    elsewhere=True,
)
FULL = ReviewedFinding(
    FINDING,
    "f" * 16,
    Verified.CONFIRMED,
    agreement=2,
    code="for …",
    suppression="known to the team",
    known=True,
    answer=Answer(How.RESOLVED, "bob", "https://example.org/1", accepted=True),
)
BARE = ReviewedFinding(replace(FINDING, end_line=None, suggestion=None, elsewhere=False), "e" * 16, Verified.UNVERIFIED)


def test_findings_come_back_as_they_were_written_and_in_order(ledger):
    ledger.put_findings("run-1", [FULL, BARE, FULL])
    assert ledger.findings("run-1") == [FULL, BARE, FULL]


def test_writing_again_replaces_the_findings_of_that_run_only(ledger):
    ledger.put_findings("run-1", [FULL, FULL])
    ledger.put_findings("run-2", [FULL])
    ledger.put_findings("run-1", [BARE])
    assert (ledger.findings("run-1"), ledger.findings("run-2")) == ([BARE], [FULL])


def test_a_review_may_find_nothing(ledger):
    ledger.put_findings("run-1", [FULL])
    ledger.put_findings("run-1", [])
    assert ledger.findings("run-1") == []


def test_writing_that_fails_leaves_the_findings_as_they_were(ledger):
    ledger.put_findings("run-1", [FULL])
    with pytest.raises(IntegrityError, match="NOT NULL"):
        ledger.put_findings("run-1", [BARE, replace(BARE, fingerprint=None)])
    assert ledger.findings("run-1") == [FULL]


def test_deleting_a_run_deletes_its_findings(ledger, a_run):
    ledger.create_run(a_run())
    ledger.put_findings("run-1", [FULL])
    ledger.delete_run("run-1")
    assert ledger.findings("run-1") == []
