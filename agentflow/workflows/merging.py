"""The merge queue: one commit per subtask onto the run's branch, proved on the combination before it counts."""

from __future__ import annotations

from collections.abc import Sequence

from agentflow.checks.evidence import judge, known_failures
from agentflow.config.answers import ResolveAnswer, schema_of
from agentflow.domain.attempts import Attempt
from agentflow.domain.calls import CallKind
from agentflow.domain.events import EventKind
from agentflow.domain.plans import Subtask
from agentflow.domain.text import printable
from agentflow.domain.tiers import Tier
from agentflow.errors import EnvironmentError_
from agentflow.git.commits import changes, commit_all, diff_text, ref_value, set_ref
from agentflow.git.merging import Conflicted, lay_out_conflict, squash_onto, unresolved
from agentflow.git.worktrees import add_worktree
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Merge
from agentflow.workflows.prompts import resolver_prompt


async def merge(context: RunContext, attempt: Attempt, head: str, merged: Sequence[str]) -> Merge:
    """Put a passed attempt on top of `head`: a clean combination that proves itself becomes the branch."""
    context.emit(EventKind.MERGE_STARTED, attempt.subtask, attempt.n)
    if (landed := await _landed(context, head)) is not None:
        return Merge(landed, merged=True)
    subtask = context.plan.subtask(attempt.subtask)
    squashed = await squash_onto(
        context.repository, head, attempt.commit or head, _message(subtask, attempt), trailers(context, attempt)
    )
    if isinstance(squashed, Conflicted):
        conflicts = tuple(printable(path) for path in squashed.paths)
        return Merge(
            head, merged=False, reason=f"conflicts with the branch in {', '.join(conflicts)}", conflicts=conflicts
        )
    return await _prove(context, attempt, head, squashed.commit, merged)


async def resolve(context: RunContext, attempt: Attempt, head: str, merged: Sequence[str], tier: Tier) -> Merge:
    """A resolver session on the conflicted files; what it leaves is proved like any other combination."""
    subtask, worktree = context.plan.subtask(attempt.subtask), context.merge_worktree
    await add_worktree(context.repository, worktree, head)
    conflicts = await lay_out_conflict(context.repository, worktree, head, attempt.commit or head)
    theirs = await diff_text(context.repository, attempt.base, attempt.commit or head)
    request = context.request(
        CallKind.RESOLVE,
        context.agents["resolver"],
        tier,
        prompt=resolver_prompt(subtask=subtask, worktree=worktree, conflicts=conflicts, theirs=theirs),
        schema=schema_of(ResolveAnswer),
        worktree=worktree,
        subtask=subtask.id,
        attempt=attempt.n,
        write_scope=tuple(conflicts),
    )
    result = await context.desk.run(request, subtask.task_class)
    left = await unresolved(worktree, conflicts)
    answer = ResolveAnswer.model_validate(result.output) if result.output else None
    if answer is None or answer.status != "resolved" or left:
        why = f"unresolved: {printable(', '.join(left))}" if left else "the resolver could not finish"
        return Merge(head, merged=False, reason=f"merge conflict, {why}", conflicts=tuple(map(printable, conflicts)))
    message = _message(subtask, attempt)
    commit = await commit_all(context.repository, worktree, message, trailers=trailers(context, attempt))
    return await _prove(context, attempt, head, commit or head, merged)


async def _prove(context: RunContext, attempt: Attempt, head: str, commit: str, merged: Sequence[str]) -> Merge:
    """The union of checks on the combination: the run's own and what every merged subtask promised."""
    plan = context.plan
    subtasks = [plan.subtask(subtask) for subtask in (*merged, attempt.subtask)]
    promised = tuple(check for subtask in subtasks for check in subtask.checks)
    drops = tuple(test for subtask in subtasks for test in subtask.drops_tests)
    commands = (*promised, *context.checks)
    before = await context.prover.known(head, commands)
    evidence = await context.prover.known(commit, commands)
    if len(evidence.results) < len(set(commands)):
        known, label = known_failures(before, promised), (attempt.subtask, attempt.n)
        evidence = await context.prover.prove(commit, commands, label, known)
    verdict = judge(before, evidence, promised, await changes(context.repository, head, commit), drops=drops)
    if not verdict.passed:
        reason = f"green alone, red on the run's branch: {verdict.reason}"
        return Merge(head, merged=False, reason=reason, digest=verdict.digest)
    ref = f"refs/heads/{context.branch}"
    await set_ref(context.repository, ref, commit, await ref_value(context.repository, ref))
    return Merge(commit, merged=True)


async def _landed(context: RunContext, head: str) -> str | None:
    """The commit an interrupted run of this same step has already put on the branch."""
    tip = await ref_value(context.repository, f"refs/heads/{context.branch}")
    if tip in (None, head):
        return None
    if await ref_value(context.repository, f"{tip}^") == head:
        return tip
    raise EnvironmentError_(
        f"branch {context.branch} was moved by somebody else: it is at {tip}, the run left it at {head}",
        hint=f"put it back with: git branch -f {context.branch} {head}",
    )


def _message(subtask: Subtask, attempt: Attempt) -> str:
    return f"{subtask.title}\n\n{attempt.summary}".strip()


def trailers(context: RunContext, attempt: Attempt) -> dict[str, str]:
    """Where a commit comes from and what its subtask has cost so far, explorers and failed attempts included."""
    calls = [call for call in context.ledger.calls(context.run_id) if call.subtask == attempt.subtask]
    return {
        "Agentflow-Run": context.run_id,
        "Agentflow-Subtask": attempt.subtask,
        "Agentflow-Tier": attempt.tier.value,
        "Agentflow-Model": attempt.model,
        **({"Agentflow-Proof": attempt.proof.words} if attempt.proof else {}),
        "Agentflow-Cost-USD": f"{sum(call.cost_usd or 0.0 for call in calls):.4f}",
    }
