from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentflow.domain.attempts import RunStatus
from agentflow.domain.calls import CallKind, Tokens
from agentflow.domain.findings import Answer, Category, Finding, How, ReviewedFinding, Severity, Verified
from agentflow.domain.reviews import Mode, Remembered, ReviewOutcome, ReviewSpec, Skipped
from agentflow.domain.tiers import Tier
from agentflow.report.reviews.loading import Review
from agentflow.review.selecting import select
from agentflow.store.records import CallRecord, RunRecord

#: What a name, a piece of code or a model's words may hold to deceive whoever shows them.
EVIL = "x\n::error::\r\n\x1b[31m[/red]\u202egnp\u2066</details><script> @everyone ![x](http://evil) ```\n## #1 %0A `a` {0}\ud83d"

A_FINDING = Finding(
    rule="off-by-one",
    title="The loop reads past the end",
    message="With n items it reads item n, which is not there, and raises IndexError.",
    file="src/a.py",
    line=12,
    end_line=13,
    severity=Severity.HIGH,
    category=Category.BUG,
    confidence=0.92,
    evidence="for i in range(n + 1):",
)
A_REVIEWED = ReviewedFinding(
    A_FINDING,
    fingerprint="f" * 32,
    verified=Verified.CONFIRMED,
    agreement=3,
    code="for i in range(n + 1):\n\tprint(items[i])",
)
A_CALL = CallRecord(
    id=1, run_id="run-1", parent=None, subtask="pack-1", attempt=1, agent="reviewer", kind=CallKind.REVIEW,
    tier=Tier.HAIKU, runner="messages", requested_model="claude-haiku-5-5", served_model="claude-haiku-5-5",
    session_id=None, requests=1, tokens=Tokens(4000, 300, 9000), cost_usd=0.0123, cli_cost_usd=None, ttft_s=None,
    duration_s=2.0, task_class="", outcome="done", started_at=0.0,
)  # fmt: skip


@pytest.fixture
def evil() -> str:
    return EVIL


@pytest.fixture
def finding() -> Callable[..., ReviewedFinding]:
    """A finding that survived; each field of either dataclass can be given."""

    def make(**changes: Any) -> ReviewedFinding:
        outer = {name: changes.pop(name) for name in ReviewedFinding.__dataclass_fields__ if name in changes}
        return replace(A_REVIEWED, finding=replace(A_FINDING, **changes), **outer)

    return make


@pytest.fixture
def review(a_run: RunRecord) -> Callable[..., Review]:
    """A review with these findings; fields of the spec, the outcome, the run and the review can be given."""

    def make(*findings: ReviewedFinding, **changes: Any) -> Review:
        asked = {"mode": Mode.FILES, "base": "b" * 40, "head": "b" * 40, **_taken(changes, ReviewSpec)}
        spec = ReviewSpec(**asked)
        outcome = ReviewOutcome(**{"reviewed": ("src/a.py", "src/b.py"), "packs": 1, **_taken(changes, ReviewOutcome)})
        selection = select(findings, spec)
        failed = selection.failing(spec.fail_on) or outcome.partial
        status = changes.pop("status", RunStatus.FAILED if failed else RunStatus.SUCCEEDED)
        calls = changes.pop("calls", (A_CALL, replace(A_CALL, kind=CallKind.VERIFY, tier=Tier.SONNET, cost_usd=None)))
        return Review(replace(a_run, status=status, **changes), status, spec, outcome, selection, tuple(calls))

    return make


def _taken(changes: dict[str, Any], kind: type) -> dict[str, Any]:
    return {name: changes.pop(name) for name in kind.__dataclass_fields__ if name in changes}


@pytest.fixture
def hostile_review(review, finding) -> Review:
    """Every field that somebody else writes is hostile."""
    words = dict.fromkeys(("rule", "title", "message", "evidence", "suggestion", "file", "code"), EVIL)
    return review(
        finding(**words),
        finding(**words, fingerprint="a" * 32, suppression=EVIL),
        finding(**words, fingerprint="b" * 32, known=True),
        finding(**words, fingerprint="c" * 32, confidence=0.1),
        finding(**words, fingerprint="d" * 32, answer=Answer(How.RESOLVED, EVIL, EVIL, accepted=True)),
        remembered=(Remembered("b" * 32),),
        skipped=(Skipped(EVIL, EVIL),),
        failed=(Skipped(EVIL, EVIL),),
        notes=(EVIL,),
        reviewed=(EVIL,),
    )


@pytest.fixture
def many_findings(finding) -> tuple[ReviewedFinding, ...]:
    """200 findings, 50 of each severity, in no order of severity."""
    severities = list(Severity)
    return tuple(
        finding(line=n + 1, end_line=None, severity=severities[n % 4], fingerprint=f"{n:032x}") for n in range(200)
    )
