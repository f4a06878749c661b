"""Would the checks notice? Small wrong versions of what a subtask changed, each proved like a commit (`--mutate`)."""

from __future__ import annotations

from agentflow.checks.evidence import judge
from agentflow.checks.mutation import Mutant, mutants
from agentflow.checks.tamper import is_test_code
from agentflow.domain.codec import encode
from agentflow.domain.evidence import Evidence, Mutation, Survivor
from agentflow.domain.text import printable
from agentflow.git.commits import read_file
from agentflow.git.diffs import hunks
from agentflow.git.trees import with_file
from agentflow.workflows.context import RunContext
from agentflow.workflows.orders import Car


async def mutate(context: RunContext, car: Car) -> Mutation:
    """Try at most `mutate` wrong versions of a landed commit's Python lines, against what its subtask promised.

    Without a promise the run's own checks have to notice. What comes of it stands in the ledger.
    """
    subtask = context.plan.subtask(car.attempt.subtask)
    commands = subtask.checks or context.checks
    label = (subtask.id, car.attempt.n)
    right = await context.prover.prove(car.commit, commands, label)
    tried = await _mutants(context, car)
    survivors = [mutant for mutant in tried if not await _is_noticed(context, car, mutant, right)]
    told = [Survivor(printable(m.path), m.line, printable(m.was), printable(m.now)) for m in survivors]
    mutation = Mutation(len(tried), tuple(told))
    context.ledger.cache_put("mutation", f"{context.run_id}:{subtask.id}", encode(mutation))
    return mutation


async def _mutants(context: RunContext, car: Car) -> tuple[Mutant, ...]:
    """Spread over the changed files, which share the number alike."""
    changed = await hunks(context.repository, f"{car.commit}^", car.commit)
    paths = [path for path in changed if path.endswith(".py") and not is_test_code(path)]
    found: list[Mutant] = []
    for n, path in enumerate(paths):
        lines = {line for first, last in changed[path].changed for line in range(first, last + 1)}
        content = await read_file(context.repository, car.commit, path) or b""
        share = (context.settings.mutate - len(found)) // (len(paths) - n)
        found += mutants(path, content.decode("utf-8", "surrogateescape"), lines, share)
    return tuple(found)


async def _is_noticed(context: RunContext, car: Car, mutant: Mutant, right: Evidence) -> bool:
    ref = context.scratch_ref(f"{car.attempt.subtask}/mutant")
    content = mutant.source.encode("utf-8", "surrogateescape")
    wrong = await with_file(context.repository, car.commit, mutant.path, content, ref)
    commands = [result.command for result in right.results]
    where = f"with {printable(mutant.was)} as {printable(mutant.now)} in {printable(mutant.path)}:{mutant.line}"
    label = (car.attempt.subtask, car.attempt.n)
    shown = await context.prover.prove(wrong, commands, label, first=commands, where=where, retry=False)
    ran = {result.command for result in shown.results}
    before = Evidence(right.tree, tuple(result for result in right.results if result.command in ran))
    return not judge(before, shown, (), ()).passed
