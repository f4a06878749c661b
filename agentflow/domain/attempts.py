"""Attempts: one agent session on one subtask at one tier, its checks, and at most one fix round."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentflow.domain.evidence import CheckResult, Proof
from agentflow.domain.tiers import Tier


class Outcome(StrEnum):
    """How an attempt ended."""

    PASSED = "passed"
    CHECKS_FAILED = "checks_failed"
    OUT_OF_SCOPE = "out_of_scope"
    TAMPERED = "tampered"
    EMPTY = "empty"
    BLOCKED = "blocked"
    INVALID_OUTPUT = "invalid_output"
    TIMEOUT = "timeout"
    TRANSPORT = "transport"
    LIMIT = "limit"
    ENVIRONMENT = "environment"
    WALL = "wall"


class FailureKind(StrEnum):
    """What a failure means for the run: only `quality` changes the tier."""

    QUALITY = "quality"
    TRANSPORT = "transport"
    LIMIT = "limit"
    ENVIRONMENT = "environment"


class SubtaskStatus(StrEnum):
    """`waiting` and `running` while the run goes on; the others are final."""

    WAITING = "waiting"
    RUNNING = "running"
    MERGED = "merged"
    UNPROVEN = "unproven"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"


class RunStatus(StrEnum):
    """`planned` waits for approval, `running` has a live or dead process; the others are what is reported."""

    PLANNED = "planned"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says about an attempt: its outcome, one line why, and a digest for the next model."""

    outcome: Outcome
    reason: str = ""
    digest: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED


class Way(StrEnum):
    """How a wall was met: the scope was made wider, or the planner planned the subtask anew."""

    WIDENED = "widened"
    REPLANNED = "replanned"


@dataclass(frozen=True, slots=True)
class Wall:
    """What an attempt needed and may not have: a fault of the plan or of ours, never of the model.

    `files` lie outside the subtask's scope. `refused` says what else it met again and again: tools, encodings.

    `reserved` are those of `files` that only the plan's author may give: they steer agents, judge the work or are not
    told apart. `asked` says whether the agent asked for them, or was seen to be refused them. The session can go on as
    `session`, in the worktree of attempt `room`. `way` is None while nothing came of it.
    """

    files: tuple[str, ...]
    reserved: tuple[str, ...] = ()
    asked: bool = True
    session: str | None = None
    room: int = 1
    way: Way | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A finished attempt, as the ledger keeps it. `commit` is the last commit made, None when there is none.

    `confidence` is the agent's own, 0 to 1; `proof` is None when the attempt did not pass. `wall` is what stood in its
    way, if it was the plan.
    """

    subtask: str
    n: int
    tier: Tier
    model: str
    outcome: Outcome
    rounds: int
    reason: str
    digest: str
    base: str
    commit: str | None
    summary: str
    confidence: float
    checks: tuple[CheckResult, ...]
    duration_s: float
    proof: Proof | None = None
    wall: Wall | None = None

    @property
    def landed(self) -> SubtaskStatus:
        """What its subtask is once this attempt is on the branch."""
        return SubtaskStatus.UNPROVEN if self.proof is Proof.UNPROVEN else SubtaskStatus.MERGED
