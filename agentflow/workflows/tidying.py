"""What runs leave in a repository, and when it goes: their scratch at once, the rest by age once it is merged."""

from __future__ import annotations

import time

from agentflow.git.refs import clear_scratch, forget_merged, pack
from agentflow.workflows.context import RunContext

#: Commits of failed attempts, and branches that are merged, are of use for so long after the run.
KEPT_S = 30 * 86_400.0


async def tidy(context: RunContext) -> None:
    """Once a run is over and its worktrees are gone. A run whose result is not merged keeps all it has."""
    repository = context.repository
    await clear_scratch(repository, context.run_id)
    if old := context.ledger.ended_before(repository.common_dir, time.time() - KEPT_S):
        await forget_merged(repository, old)
    await pack(repository)
