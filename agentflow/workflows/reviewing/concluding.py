"""The last steps of a review: what remains goes to the ledger, with fingerprints; then the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agentflow.domain.attempts import RunStatus
from agentflow.domain.codec import decode, encode
from agentflow.domain.events import EventKind
from agentflow.domain.findings import Dropped, Finding, Lowered, ReviewedFinding, Verified, Why
from agentflow.domain.reviews import ReviewOutcome, ReviewSpec, Scope, Skipped
from agentflow.review.identity import Read, identity_of, written
from agentflow.review.joining import Candidate
from agentflow.review.line_hashes import line_hashes
from agentflow.review.remembering import answered, named
from agentflow.review.ruling import Ruling, Settled, settle
from agentflow.review.selecting import select
from agentflow.review.source import Source
from agentflow.review.suppressing import added_suppressions, ignores, suppression
from agentflow.workflows.context import RunContext
from agentflow.workflows.reviewing.orders import Checked, Found, Synthesis

#: Lines of code that are kept beside a finding.
CODE_LINES = 8
#: Characters of the line on which a refutation rests.
MOST_QUOTED = 200


async def conclude(
    context: RunContext, scope: Scope, found: Sequence[Found], synthesis: Synthesis, checked: Checked
) -> tuple[ReviewedFinding, ...]:
    """Write down what the review found and what it covered."""
    sources = await context.workbench.shown(context.repository, context.review_spec, scope)
    findings, outcome = concluded(context.review_spec, scope, found, synthesis, checked, sources)
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
    """Failed when a finding reaches the threshold, surely or as the spec has it, and when a part was not reviewed."""
    spec = context.review_spec
    outcome = decode(ReviewOutcome, context.ledger.run(context.run_id).spec["outcome"])
    selection = select(context.ledger.findings(context.run_id), spec)
    failing = selection.failing(spec.fail_on) or (spec.unsure_fails and selection.unsure(spec.fail_on))
    return RunStatus.FAILED if failing or outcome.partial else RunStatus.SUCCEEDED


def concluded(
    spec: ReviewSpec,
    scope: Scope,
    found: Sequence[Found],
    synthesis: Synthesis,
    checked: Checked,
    sources: Mapping[str, Source],
) -> tuple[tuple[ReviewedFinding, ...], ReviewOutcome]:
    """What the rulings leave of the findings, and what became of all the others.

    Comments by which the change would silence this review are found by machine, so nobody has to confirm them.
    """
    settled = settle(synthesis.candidates, checked.rulings)
    silencing = (finding for file in scope.files for finding in added_suppressions(sources[file]))
    kept = (*settled.kept, *((Candidate(0, finding), Verified.CONFIRMED) for finding in silencing))
    findings = _reviewed(spec, kept, sources)
    told = [(candidate, one) for (candidate, _), one in zip(kept, findings, strict=True)]
    outcome = replace(
        _outcome(scope, found, synthesis, checked, refuted=len(settled.refuted)),
        dropped=tuple(_dropped(found, synthesis, settled, told, sources)),
        lowered=tuple(_lowered(synthesis, told)),
    )
    return findings, outcome


def _dropped(
    found: Sequence[Found],
    synthesis: Synthesis,
    settled: Settled,
    told: Sequence[tuple[Candidate, ReviewedFinding]],
    sources: Mapping[str, Source],
) -> Iterator[Dropped]:
    """Everything that was reported and is no finding of its own, with the reason and who gave it."""
    yield from (dropped for one in found for dropped in one.voided)
    yield from synthesis.voided
    for candidate, rulings in settled.refuted:
        reason = " / ".join(dict.fromkeys(map(_grounds, (one for one in rulings if one.verdict == "refuted"))))
        by = ", ".join(dict.fromkeys(ruling.by for ruling in rulings if ruling.verdict == "refuted"))
        read = Read(sources[candidate.finding.file])
        mine = (candidate.finding, *candidate.members)
        yield from (Dropped(Why.REFUTED, one, reason, by, identity=written(identity_of(one, read))) for one in mine)
    for candidate, one in told:
        reason = f"said by {one.finding.title!r} too, line {one.finding.line}"
        yield from (Dropped(Why.MERGED, two, reason, "synthesis", one.fingerprint) for two in candidate.members)


def _grounds(ruling: Ruling) -> str:
    """Why it refutes, and the line that it rests on."""
    quoted = " ".join(ruling.quote.split())[:MOST_QUOTED]
    return f"{ruling.reason} ({ruling.place}: {quoted})" if ruling.place else ruling.reason


def _lowered(synthesis: Synthesis, told: Sequence[tuple[Candidate, ReviewedFinding]]) -> Iterator[Lowered]:
    reported = {candidate.number: candidate.finding.severity for candidate in synthesis.candidates}
    for candidate, one in told:
        if candidate.lower is not None:
            yield Lowered(one.fingerprint, reported[candidate.number], candidate.lower, candidate.reason)


def _reviewed(
    spec: ReviewSpec, kept: Sequence[tuple[Candidate, Verified]], sources: Mapping[str, Source]
) -> tuple[ReviewedFinding, ...]:
    findings = [candidate.finding for candidate, _ in kept]
    files = {finding.file for finding in findings}
    read = {file: Read(sources[file]) for file in files}
    names = named(findings, spec.remembered or (), read)
    answers = answered(findings, spec.commented, read)
    hashes = {file: line_hashes(sources[file]) for file in files}
    return tuple(
        replace(
            _one(candidate, verified, fingerprint, sources[candidate.finding.file]),
            line_hash=hashes[candidate.finding.file][candidate.finding.line - 1],
            identity=identity,
            known=known,
            answer=answers.get(n),
        )
        for n, ((candidate, verified), (fingerprint, identity, known)) in enumerate(zip(kept, names, strict=True))
    )


def _one(candidate: Candidate, verified: Verified, fingerprint: str, source: Source) -> ReviewedFinding:
    finding: Finding = candidate.finding
    last = min(finding.last_line, finding.line + CODE_LINES - 1)
    return ReviewedFinding(
        finding,
        fingerprint,
        verified,
        candidate.agreement,
        code=source.text(finding.line, last),
        suppression=suppression(finding, ignores(source)),
    )


def _outcome(
    scope: Scope, found: Sequence[Found], synthesis: Synthesis, checked: Checked, *, refuted: int
) -> ReviewOutcome:
    lost = {file: one.failure for one in found if one.failure for file in one.pack.files}
    covered = ReviewOutcome(
        reviewed=tuple(file for file in scope.files if file not in lost),
        skipped=scope.skipped,
        failed=tuple(Skipped(file, reason) for file, reason in lost.items()),
        notes=(*scope.notes, *(note for one in found for note in one.notes), *synthesis.notes, *checked.notes),
    )
    return replace(
        covered,
        packs=len(found),
        kept_answers=sum(one.kept for one in found),
        voided=sum(len(one.voided) for one in found) + len(synthesis.voided),
        merged=synthesis.merged,
        refuted=refuted,
    )
