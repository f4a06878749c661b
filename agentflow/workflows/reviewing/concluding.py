"""The last steps of a review: what remains goes to the ledger, with fingerprints; then the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import decode, encode
from agentflow.domain.events import EventKind
from agentflow.domain.findings import Finding, ReviewedFinding, Verified
from agentflow.domain.reviews import ReviewOutcome, ReviewSpec, Scope, Skipped
from agentflow.review.fingerprints import fingerprinted
from agentflow.review.joining import Candidate
from agentflow.review.line_hashes import line_hashes
from agentflow.review.selecting import select
from agentflow.review.source import Source
from agentflow.review.suppressing import added_suppressions, ignores, suppression
from agentflow.review.verifying import settle
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.orders import Checked, Found, Synthesis

#: Lines of code that are kept beside a finding.
CODE_LINES = 8


async def conclude(
    context: RunContext, scope: Scope, found: Sequence[Found], synthesis: Synthesis, checked: Checked
) -> tuple[ReviewedFinding, ...]:
    """Write down what the review found and what it covered."""
    settled = settle(synthesis.candidates, {ruling.number: ruling for ruling in checked.rulings})
    findings = await _reviewed(context, (*settled.kept, *await _suppressions(context, scope)))
    outcome = _outcome(scope, found, synthesis, checked, refuted=len(settled.refuted))
    run = context.ledger.run(context.run_id)
    context.ledger.put_findings(run.id, findings)
    context.ledger.update_run(run.id, spec={**run.spec, "outcome": encode(outcome)})
    context.emit(
        EventKind.FINDINGS_READY,
        found=sum(len(one.findings) for one in found),
        merged=outcome.merged,
        refuted=outcome.refuted,
        reported=len(findings),
    )
    return findings


async def finish(context: RunContext) -> RunStatus:
    """Failed when a finding reaches the threshold, and when a part was not reviewed."""
    spec = context.review_spec
    outcome = decode(ReviewOutcome, context.ledger.run(context.run_id).spec["outcome"])
    failing = select(context.ledger.findings(context.run_id), spec).failing(spec.fail_on)
    return RunStatus.FAILED if failing or outcome.partial else RunStatus.SUCCEEDED


async def _suppressions(context: RunContext, scope: Scope) -> list[tuple[Candidate, Verified]]:
    """The comments by which the change would silence this review: found by machine, so nobody has to confirm them."""
    sources = await context.workbench.read(context.repository, context.review_spec, scope.files)
    added = (finding for source in sources.values() for finding in added_suppressions(source))
    return [(Candidate(0, finding), Verified.CONFIRMED) for finding in added]


async def _reviewed(context: RunContext, kept: Sequence[tuple[Candidate, Verified]]) -> tuple[ReviewedFinding, ...]:
    findings = [candidate.finding for candidate, _ in kept]
    sources = await context.workbench.read(
        context.repository, context.review_spec, [finding.file for finding in findings]
    )
    prints = fingerprinted(findings, sources)
    hashes = {file: line_hashes(source) for file, source in sources.items()}
    return tuple(
        replace(
            _one(context.review_spec, candidate, verified, fingerprint, sources[candidate.finding.file]),
            line_hash=hashes[candidate.finding.file][candidate.finding.line - 1],
        )
        for (candidate, verified), fingerprint in zip(kept, prints, strict=True)
    )


def _one(
    spec: ReviewSpec, candidate: Candidate, verified: Verified, fingerprint: str, source: Source
) -> ReviewedFinding:
    finding: Finding = candidate.finding
    last = min(finding.last_line, finding.line + CODE_LINES - 1)
    return ReviewedFinding(
        finding,
        fingerprint,
        verified,
        candidate.agreement,
        code=source.text(finding.line, last),
        suppression=suppression(finding, ignores(source)),
        known=fingerprint in (spec.baseline or ()),
    )


def _outcome(
    scope: Scope, found: Sequence[Found], synthesis: Synthesis, checked: Checked, *, refuted: int
) -> ReviewOutcome:
    lost = {file: one.failure for one in found if one.failure for file in one.pack.files}
    covered = ReviewOutcome(
        reviewed=tuple(file for file in scope.files if file not in lost),
        skipped=scope.skipped,
        failed=tuple(Skipped(file, reason) for file, reason in lost.items()),
        notes=(*scope.notes, *synthesis.notes, *checked.notes),
    )
    return replace(
        covered,
        packs=len(found),
        kept_answers=sum(one.kept for one in found),
        voided=sum(one.voided for one in found) + synthesis.voided,
        merged=synthesis.merged,
        refuted=refuted,
    )
