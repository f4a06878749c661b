"""agentflow does not work inside its own workers: each could hire more, on a bill that nobody approved."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.errors import EnvironmentError_

#: What every worker and every check finds in its environment.
INSIDE = {"AGENTFLOW": "1"}


def require_outermost(environment: Mapping[str, str]) -> None:
    """Raises EnvironmentError_ inside a worker or a check of a run."""
    if any(environment.get(name) for name in INSIDE):
        raise EnvironmentError_(
            "this is a worker or a check of an agentflow run, which may not start or go on with runs itself",
            hint="give the task to a subtask of the run; a shell of your own does not have AGENTFLOW set",
        )
