"""How a run ended, in words: what became of every subtask, what proved it, what it cost, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from agentflow.domain.attempts import Attempt, RunStatus, SubtaskStatus, Wall, Way
from agentflow.domain.evidence import CheckResult, Proof, brief
from agentflow.report import term
from agentflow.report.bill import bill_lines, spending, usage_of
from agentflow.report.documents import landed_proof, mutation_of
from agentflow.report.figures import dollars, spent
from agentflow.report.lines import check_facts, widened_text
from agentflow.report.refusals import Refusals, refusal_lines, refusals
from agentflow.report.reviews.loading import Review, review_at_end
from agentflow.report.row import fate
from agentflow.report.rows import glyph, rung_mark
from agentflow.report.run_review import review_lines
from agentflow.report.term import safe
from agentflow.report.view import WALL
from agentflow.store.ledger import Ledger
from agentflow.store.processes import present_status
from agentflow.store.records import CallRecord, RunRecord, SubtaskRecord

_MOST_SURVIVORS = 5


def show(ledger: Ledger, run_id: str) -> None:
    """Print the summary for people."""
    term.note(summary_text(ledger, run_id))


def summary_text(ledger: Ledger, run_id: str) -> str:
    """The summary of a run as the ledger holds it now; sections are parted by empty lines."""
    run, calls, attempts = ledger.run(run_id), ledger.calls(run_id), ledger.attempts(run_id)
    subtasks, review, refused = ledger.subtasks(run_id), review_at_end(ledger, run), refusals(ledger, run_id)
    sections = [
        [*_heading(run, calls), *_estimate(ledger.run_estimate(run_id))],
        [line for subtask in subtasks for line in _subtask(subtask, attempts, calls, refused)],
        _less_than_proven(subtasks, attempts),
        [line for subtask in subtasks for line in _mutants(ledger, run_id, subtask)],
        review_lines(review, subtasks),
        bill_lines(calls),
        _next(run, present_status(run), _look_closer(run, review)),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _heading(run: RunRecord, calls: Sequence[CallRecord]) -> list[str]:
    status = present_status(run)
    mark = {RunStatus.SUCCEEDED: "✓ ", RunStatus.FAILED: "✗ "}.get(status, "")
    lines = [f"{mark}{status.value}: {safe(run.goal)}", spending(run, calls)]
    if run.head:
        lines.append(f"branch {safe(run.branch)} at {run.head[:12]}")
    if kept_at := run.spec.get("kept_at"):
        told = "the branch could not follow, since somebody has it checked out or moved it: the result is kept as"
        lines[-1] = f"{safe(run.branch)} is not at {str(run.head)[:12]}: {told} {safe(kept_at)}"
    return [*lines, *([f"reason: {safe(run.reason)}"] if run.reason else [])]


def _estimate(usd: float) -> list[str]:
    """What the budget counts though no bill shows it."""
    told = f"usage not told by the gateway: the budget counts about {dollars(usd)} for it (our estimate)"
    return [told] if usd else []


def _subtask(
    subtask: SubtaskRecord, attempts: Sequence[Attempt], calls: Sequence[CallRecord], refused: Refusals
) -> list[str]:
    mine = [attempt for attempt in attempts if attempt.subtask == subtask.id]
    cost = usage_of(call for call in calls if call.works_for(subtask.id)).cost
    proof = landed_proof(subtask, mine)
    facts = [fate(subtask.status.value, proof.value if proof else ""), " → ".join(map(_rung, mine))]
    facts += [spent(cost.usd, cost.unpriced_calls)] if mine else []
    first = f"{glyph(subtask.status.value)} {safe(subtask.title)}: {', '.join(fact for fact in facts if fact)}"
    lines = [f"    {_failure(attempt)}" for attempt in mine if not _passed(attempt)]
    lines += [f"    {line}" for one in mine for line in refusal_lines(refused.get((one.subtask, one.n), ()))]
    if mine and _passed(mine[-1]):
        lines += [f"    {_proof(check)}" for check in mine[-1].checks]
    told = {attempt.reason for attempt in mine}
    if subtask.reason and subtask.reason not in told and subtask.status is not SubtaskStatus.MERGED:
        lines.append(f"    {safe(subtask.reason)}")
    return [first, *lines]


def _passed(attempt: Attempt) -> bool:
    return attempt.outcome.value == "passed"


def _rung(attempt: Attempt) -> str:
    met = attempt.wall is not None and attempt.wall.way is not None
    return f"{attempt.tier.value} {rung_mark(WALL if met else attempt.outcome.value)}"


def _proof(check: CheckResult) -> str:
    """A check of an attempt that passed; what is red in it was red before (design, "Evidence rules")."""
    facts = safe(check_facts(brief(check)))
    return f"✓ {facts}" if check.passed else f"- {facts}, failing before too"


def _failure(attempt: Attempt) -> str:
    outcome = attempt.outcome.value.replace("_", " ")
    failure = f"{attempt.tier.value}: {outcome}" + (f": {safe(attempt.reason)}" if attempt.reason else "")
    return f"{failure}; {safe(_wall(attempt.wall))}" if attempt.wall else failure


def _wall(wall: Wall) -> str:
    if wall.way is Way.WIDENED:
        return widened_text(wall.files, asked=wall.asked)
    needs = f"wall: needs {', '.join(wall.files)}" if wall.files else f"wall: refused {wall.refused}"
    return f"{needs}; planned anew" if wall.way is Way.REPLANNED else needs


def _less_than_proven(subtasks: Sequence[SubtaskRecord], attempts: Sequence[Attempt]) -> list[str]:
    """What was merged on a judge's word, and why the checks alone were not enough."""
    lines = []
    for subtask in subtasks:
        if landed_proof(subtask, attempts) in {Proof.WEAKLY_PROVEN, Proof.UNPROVEN}:
            reason = next(a.reason for a in reversed(attempts) if a.subtask == subtask.id)
            lines.append(f"read the commit of {safe(subtask.title)!r} before you trust it: {safe(reason)}")
    return lines


def _mutants(ledger: Ledger, run_id: str, subtask: SubtaskRecord) -> list[str]:
    """How many wrong versions of the change the checks noticed, and the first few that they did not."""
    found = mutation_of(ledger, run_id, subtask.id)
    if found is None:
        return []
    noticed = found.tried - len(found.survivors)
    slips = (f"    not noticed: {s.path}:{s.line} `{s.was}` as `{s.now}`" for s in found.survivors[:_MOST_SURVIVORS])
    return [f"mutants of {safe(subtask.title)!r}: {noticed} of {found.tried} noticed", *map(safe, slips)]


def _next(run: RunRecord, status: RunStatus, look_closer: Sequence[str]) -> list[str]:
    look = [f"agentflow diff {run.id}", *look_closer, f"agentflow apply {run.id}"] if run.head else []
    go_on = [f"agentflow resume {run.id}"]
    commands = {
        RunStatus.SUCCEEDED: look,
        RunStatus.FAILED: look or [f"agentflow runs show {run.id} --json"],
        RunStatus.RUNNING: [f"agentflow watch {run.id}"],
    }.get(status, go_on)
    return ["next:", *(f"  {command}" for command in commands)] if commands else []


def _look_closer(run: RunRecord, review: Review | None) -> list[str]:
    """Where the findings are told in full, and how to have read what no reviewer could read."""
    if review is None or not review.ended:
        return []
    again = [f"agentflow review {run.base[:12]}..{run.branch}"] if review.outcome.partial else []
    return [*([f"agentflow runs show {run.id} --json"] if review.selection.shown else []), *again]
