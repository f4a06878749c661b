"""A repository with one finished run, for the commands that only read the ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import encode
from agentflow.domain.findings import Category, Finding, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Mode, ReviewOutcome, ReviewSpec
from agentflow.store.ledger import open_ledger
from agentflow.store.records import RunRecord

FINDING = ReviewedFinding(
    Finding(
        rule="constant",
        title="The constant is never read",
        message="Nobody reads a.",
        file="a.py",
        line=1,
        end_line=None,
        severity=Severity.HIGH,
        category=Category.BUG,
        confidence=0.9,
        evidence="a = 1",
    ),
    fingerprint="f" * 16,
    verified=Verified.CONFIRMED,
    code="a = 1",
)


@pytest.fixture
def repository(world) -> Path:
    return world.repository({"a.py": "a = 1\n"})


@pytest.fixture
def ledger(world):
    with open_ledger(world.folder / "state" / "ledger.db") as opened:
        yield opened


@pytest.fixture
def a_run(repository) -> RunRecord:
    return RunRecord(
        id="20261123-100000-aaaa",
        repo_root=repository,
        common_dir=repository / ".git",
        goal="refactor \x1b[31mauth",
        status=RunStatus.SUCCEEDED,
        base="b" * 40,
        branch="agentflow/20261123-100000-aaaa",
        head="d" * 40,
        created_at=1000.0,
    )


@pytest.fixture
def a_review(world, repository, ledger, a_run) -> RunRecord:
    """A finished review with one finding, and the commit it froze."""
    head = world.git(repository, "rev-parse", "HEAD")
    spec = {
        "review": encode(ReviewSpec(Mode.FILES, head, head)),
        "outcome": encode(ReviewOutcome(reviewed=("a.py",), packs=1)),
    }
    about = {"goal": "review a.py", "status": RunStatus.FAILED, "base": head, "branch": "", "head": None}
    review = replace(a_run, id="20261124-review", created_at=2000.0, workflow="review", spec=spec, **about)
    ledger.create_run(review)
    ledger.put_findings(review.id, [FINDING])
    world.git(repository, "update-ref", f"refs/agentflow/{review.id}/reviewed", head)
    return review
