"""Rows of the ledger as plain data. Money in USD, durations in seconds, moments in Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.domain.attempts import RunStatus, SubtaskStatus
from agentflow.domain.calls import CallKind, Tokens
from agentflow.domain.tiers import Tier

#: The workflow of a person's own Claude Code session: it has calls and nothing else, and only sums of costs tell of it.
SESSION = "session"
_REVIEWING = frozenset({CallKind.REVIEW, CallKind.SYNTHESIZE, CallKind.VERIFY})


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run. `spec` is whatever its workflow needs to resume, `plan` the encoded plan once there is one.

    `pid` is the process that works on it; `pid_mark` tells that process from a later one with the same number
    and is filled in by the ledger. `active_s` sums the running time over all resumes.
    """

    id: str
    repo_root: Path
    common_dir: Path
    goal: str
    status: RunStatus
    base: str
    branch: str
    created_at: float
    workflow: str = "run"
    head: str | None = None
    budget_usd: float | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    reason: str = ""
    pid: int | None = None
    pid_mark: str | None = None
    finished_at: float | None = None
    active_s: float = 0.0

    @property
    def is_review(self) -> bool:
        """Whether it only reviews: then it has findings, and no plan and no branch."""
        return self.workflow == "review"


@dataclass(frozen=True, slots=True)
class SubtaskRecord:
    """Where a subtask stands. `tier` is the last one it ran on, `commit` what was merged."""

    id: str
    position: int
    title: str
    status: SubtaskStatus
    tier: Tier | None = None
    commit: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Requests of one session to one served model.

    `parent` is the session's first call when a second model served part of it. `cost_usd` is None when the served
    model has no known price; `cli_cost_usd` is the runner's own figure for the whole session, on its first call.
    `outcome` is None while the session runs, and stays so when its process was killed.
    """

    id: int
    run_id: str
    parent: int | None
    subtask: str
    attempt: int
    agent: str
    kind: CallKind
    tier: Tier
    runner: str
    requested_model: str
    served_model: str | None
    session_id: str | None
    requests: int
    tokens: Tokens
    cost_usd: float | None
    cli_cost_usd: float | None
    ttft_s: float | None
    duration_s: float | None
    task_class: str
    outcome: str | None
    started_at: float

    def works_for(self, subtask: str) -> bool:
        """Whether its cost is the subtask's. A session of a review has a label that may read like a subtask's id."""
        return self.subtask == subtask and self.kind not in _REVIEWING


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum of calls: `usd` of those with a known price, and how many have none."""

    usd: float
    unpriced_calls: int

    @property
    def known_usd(self) -> float | None:
        """The sum, or None when nothing in it has a price: unknown is never zero."""
        return None if self.unpriced_calls and not self.usd else self.usd
