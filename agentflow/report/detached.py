"""What is said when a run goes on by itself."""

from __future__ import annotations

from pathlib import Path

from agentflow.report.documents import as_text
from agentflow.report.term import safe
from agentflow.store.records import RunRecord


def detached_document(run: RunRecord, pid: int, log: Path) -> str:
    """`agentflow/detached/1`, as it is printed. `pid` is the process that carries the run."""
    return as_text(
        {
            "schema": "agentflow/detached/1",
            "run_id": run.id,
            "workflow": run.workflow,
            "goal": run.goal,
            "branch": run.branch,
            "pid": pid,
            "log": str(log),
        }
    )


def detached_text(run: RunRecord) -> str:
    """For people, and for the model of a Claude Code session: the run's id stands alone on the first line."""
    return "\n".join(
        [
            run.id,
            f"{run.workflow} goes on in the background: {safe(run.goal)}",
            f"  agentflow status {run.id}",
            f"  agentflow watch {run.id}",
        ]
    )
