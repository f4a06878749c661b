"""The JSON documents of the contract. Their schemas stand beside this file, in schemas/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from agentflow.domain.attempts import Attempt, SubtaskStatus, Wall
from agentflow.domain.calls import CallKind
from agentflow.domain.codec import decode, encode
from agentflow.domain.evidence import Mutation, Proof, brief
from agentflow.domain.plans import Plan
from agentflow.errors import AgentflowError, UsageError
from agentflow.report.bill import Usage, by_kind, by_tier, usage_of
from agentflow.report.refusals import Refusals, refusals
from agentflow.report.reviews.entries import finding_entries, unread_entries
from agentflow.report.reviews.loading import review_at_end, review_of
from agentflow.store.ledger import Ledger
from agentflow.store.processes import present_status
from agentflow.store.records import CallRecord, Cost, RunRecord, SubtaskRecord

#: Kinds that stand in every run document, used or not.
_KINDS = (CallKind.PLAN, CallKind.EXPLORE, CallKind.EXECUTE, CallKind.JUDGE, CallKind.RESOLVE)
_LANDED = frozenset({SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN})


def as_text(document: Mapping[str, Any]) -> str:
    """The document as it is printed: ASCII only, so that no name in it can steer a terminal."""
    return json.dumps(document, indent=2)


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a document, by the word and version in its `schema` key: "run-1", "plan-1"…"""
    text = (files("agentflow.report") / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def run_document(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """`agentflow/run/1`: the run as it is now. A running run whose process is gone is `interrupted`."""
    run, calls, attempts = ledger.run(run_id), ledger.calls(run_id), ledger.attempts(run_id)
    refused = refusals(ledger, run_id)
    return {
        "schema": "agentflow/run/1",
        "run_id": run.id,
        "status": present_status(run).value,
        "reason": run.reason,
        "goal": run.goal,
        "base": run.base,
        "branch": run.branch,
        "head": run.head,
        "kept_at": run.spec.get("kept_at"),
        **cost_entry(usage_of(calls).cost),
        "estimated_usd": round(ledger.run_estimate(run_id), 10),
        "budget_usd": run.budget_usd,
        "duration_s": round(run.active_s, 3),
        "subtasks": [
            {**_subtask(subtask, attempts, calls, refused), "mutation": _mutation(ledger, run_id, subtask.id)}
            for subtask in ledger.subtasks(run_id)
        ],
        "review": _review(ledger, run),
        "usage": usage_entry(calls, _KINDS),
    }


def plan_document(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """`agentflow/plan/1`: the run's plan and what planning cost. Raises UsageError before there is a plan."""
    run = ledger.run(run_id)
    if run.plan is None:
        raise UsageError(f"run {run.id} has no plan yet", hint=f"go on with: agentflow resume {run.id}")
    return {
        "schema": "agentflow/plan/1",
        "run_id": run.id,
        "goal": run.goal,
        "base": run.base,
        **cost_entry(ledger.run_cost(run_id)),
        "plan": encode(decode(Plan, run.plan)),  # one of an earlier version has fewer keys
    }


def runs_document(ledger: Ledger, runs: Sequence[RunRecord]) -> dict[str, Any]:
    """`agentflow/runs/1`: some runs, one short entry each."""
    return {"schema": "agentflow/runs/1", "runs": [_run_entry(ledger, run) for run in runs]}


def error_document(error: AgentflowError) -> dict[str, Any]:
    """`agentflow/error/1`."""
    return {
        "schema": "agentflow/error/1",
        "error": {"kind": error.kind, "message": error.message, "hint": error.hint},
    }


def usage_entry(calls: Sequence[CallRecord], always: Sequence[CallKind]) -> dict[str, Any]:
    """Calls summed up by tier and by kind; the kinds of `always` stand there used or not."""
    unused = {kind.value: usage_of(()) for kind in always}
    return {
        "by_tier": {name: sum_entry(usage) for name, usage in by_tier(calls).items()},
        "by_kind": {name: sum_entry(usage) for name, usage in {**unused, **by_kind(calls)}.items()},
    }


def sum_entry(usage: Usage) -> dict[str, Any]:
    """Some calls together."""
    return {
        "calls": usage.calls,
        "input_tokens": usage.tokens.input,
        "output_tokens": usage.tokens.output,
        "cache_read_tokens": usage.tokens.cache_read,
        "cache_write_tokens": usage.tokens.cache_write,
        **cost_entry(usage.cost),
    }


def cost_entry(cost: Cost) -> dict[str, Any]:
    """Null when nothing has a price. Ten decimals: finer than the price of one token, coarser than float noise."""
    known = cost.known_usd
    return {"cost_usd": None if known is None else round(known, 10), "unpriced_calls": cost.unpriced_calls}


def _run_entry(ledger: Ledger, run: RunRecord) -> dict[str, Any]:
    subtasks = ledger.subtasks(run.id)
    return {
        "run_id": run.id,
        "workflow": run.workflow,
        "status": present_status(run).value,
        "goal": run.goal,
        "repository": str(run.repo_root),
        "branch": run.branch,
        "head": run.head,
        "created_at": datetime.fromtimestamp(run.created_at, UTC).isoformat(timespec="seconds"),
        **cost_entry(ledger.run_cost(run.id)),
        "subtasks": len(subtasks),
        "merged": sum(subtask.status in _LANDED for subtask in subtasks),
        "findings": _findings(ledger, run),
    }


def _findings(ledger: Ledger, run: RunRecord) -> int | None:
    """How many findings stand: new, believed and not suppressed. None before the end of a review, and without one."""
    if "outcome" not in run.spec:
        return None
    selection = review_of(ledger, run.id).selection
    return len(selection.shown) + len(selection.cut)


def _subtask(
    subtask: SubtaskRecord, attempts: Sequence[Attempt], calls: Sequence[CallRecord], refused: Refusals
) -> dict[str, Any]:
    proof = landed_proof(subtask, attempts)
    return {
        "id": subtask.id,
        "title": subtask.title,
        "status": subtask.status.value,
        "proof": proof.value if proof else None,
        "tier": subtask.tier.value if subtask.tier else None,
        "commit": subtask.commit,
        "reason": subtask.reason,
        "attempts": [_attempt(attempt, calls, refused) for attempt in attempts if attempt.subtask == subtask.id],
    }


def mutation_of(ledger: Ledger, run_id: str, subtask: str) -> Mutation | None:
    """What `--mutate` showed of a landed subtask; None where nothing was tried."""
    kept = ledger.cache_get("mutation", f"{run_id}:{subtask}")
    return None if kept is None else decode(Mutation, kept)


def _mutation(ledger: Ledger, run_id: str, subtask: str) -> dict[str, Any] | None:
    found = mutation_of(ledger, run_id, subtask)
    if found is None:
        return None
    survivors = [encode(survivor) for survivor in found.survivors]
    return {"tried": found.tried, "noticed": found.tried - len(survivors), "survivors": survivors}


def landed_proof(subtask: SubtaskRecord, attempts: Sequence[Attempt]) -> Proof | None:
    """What the subtask's merge rests on; None where nothing of it was merged."""
    mine = [attempt.proof for attempt in attempts if attempt.subtask == subtask.id]
    return mine[-1] if mine and subtask.status in _LANDED else None


def _attempt(attempt: Attempt, calls: Sequence[CallRecord], refused: Refusals) -> dict[str, Any]:
    mine = [call for call in calls if call.works_for(attempt.subtask) and call.attempt == attempt.n]
    return {
        "n": attempt.n,
        "tier": attempt.tier.value,
        "model": attempt.model,
        "outcome": attempt.outcome.value,
        "rounds": attempt.rounds,
        "reason": attempt.reason,
        "proof": attempt.proof.value if attempt.proof else None,
        **cost_entry(usage_of(mine).cost),
        "duration_s": round(attempt.duration_s, 3),
        "checks": [brief(check) for check in attempt.checks],
        "denials": list(refused.get((attempt.subtask, attempt.n), ())),
        "wall": _wall(attempt.wall) if attempt.wall else None,
    }


def _wall(wall: Wall) -> dict[str, Any]:
    refused = {"refused": wall.refused} if wall.refused else {}
    return {"files": list(wall.files), "asked": wall.asked, "way": wall.way.value if wall.way else None, **refused}


def _review(ledger: Ledger, run: RunRecord) -> dict[str, Any] | None:
    """The review that a run made of its own diff, once it has ended."""
    review = review_at_end(ledger, run)
    if review is None or not review.ended:
        return None
    outcome = review.outcome
    return {
        "partial": outcome.partial,
        "findings": finding_entries(review.selection.shown),
        "mended": list(review.mending.handed_back),
        "files_reviewed": list(outcome.reviewed),
        "files_failed": unread_entries(outcome.failed),
        "notes": [*outcome.notes, *review.mending.left_out],
    }
