"""The tree of expected failures. What is not in it is a bug.

    AgentflowError
      ├ UsageError        exit 2    a flag, file, plan or agent definition is wrong; do not retry
      ├ StoreError        exit 3    the ledger or a run folder is damaged, full or locked
      ├ EnvironmentError_ exit 4    git, login, sandbox or approval is missing
      ├ LimitReached      exit 5    budget, turns or time; resumable
      ├ UpstreamError     exit 6    the model endpoint stays unavailable; resumable
      ├ MergeConflict     exit 7    a merge that only the user can finish
      ├ PlanRejected      exit 1    the planner gave no valid plan
      └ Interrupted       exit 130  Ctrl-C where there is no run to stop

Exit codes 0 (done), 1 (done, verdict negative) and 130 (a run was interrupted, resumable) are results, not errors.
"""

from __future__ import annotations


class AgentflowError(Exception):
    """An expected failure: what went wrong, where, and what to do about it.

    `kind` is the closed word used in JSON, `exit_code` the process's answer, `hint` one line of advice.
    """

    kind = "internal"
    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AgentflowError):
    """The command line, a setting, an agent definition or a plan is wrong."""

    kind = "usage"
    exit_code = 2


class StoreError(AgentflowError):
    """The ledger or a run folder cannot be trusted, written or locked."""

    kind = "store"
    exit_code = 3


class EnvironmentError_(AgentflowError):  # noqa: N801, N818  the builtin's name is taken
    """Something this machine or repository must offer is missing."""

    kind = "environment"
    exit_code = 4


class LimitReached(AgentflowError):  # noqa: N818
    """A budget, turn, time or usage limit stopped the run; it can be resumed."""

    kind = "limit"
    exit_code = 5


class UpstreamError(AgentflowError):
    """The model endpoint stays unavailable after retries; the run can be resumed."""

    kind = "upstream"
    exit_code = 6


class MergeConflict(AgentflowError):  # noqa: N818
    """A merge that only the user can finish."""

    kind = "merge_conflict"
    exit_code = 7


class PlanRejected(AgentflowError):  # noqa: N818
    """The planner answered twice without a valid plan."""

    kind = "plan"
    exit_code = 1


class Interrupted(AgentflowError):  # noqa: N818
    """Ctrl-C ended a command before it had a run, or while it only watched one."""

    kind = "interrupted"
    exit_code = 130
