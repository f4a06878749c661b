"""One line of a run's view."""

from __future__ import annotations

from dataclasses import dataclass

from agentflow.domain.attempts import SubtaskStatus

_OPEN = {SubtaskStatus.WAITING.value, SubtaskStatus.RUNNING.value}
FINAL = frozenset(status.value for status in SubtaskStatus) - _OPEN


def fate(status: str, proof: str) -> str:
    """What became of a subtask, in words; unproven work has that for its status."""
    return f"{status}, {proof.replace('_', ' ')}" if proof and status == SubtaskStatus.MERGED else status


@dataclass(slots=True)
class Row:
    """One line: a subtask, a pack of a review, or a session beside them (planner, explorer, judge, verifier).

    `state` is waiting, working, retrying, checking, merging, done or a final SubtaskStatus; `owner` the subtask a
    session works for ("-": the run); `climbed` the tiers tried so far with their outcomes; `proof` what a merge rests
    on. Times in Unix seconds.
    """

    title: str
    owner: str = "-"
    agent: str = ""
    tier: str = ""
    model: str = ""
    state: str = "waiting"
    activity: str = ""
    proof: str = ""
    reason: str = ""
    depends_on: tuple[str, ...] = ()
    climbed: tuple[tuple[str, str], ...] = ()
    started_at: float | None = None
    last_at: float | None = None
    finished_at: float | None = None
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    @property
    def finished(self) -> bool:
        return self.state == "done" or self.state in FINAL

    @property
    def active(self) -> bool:
        return not self.finished and self.state != "waiting"

    @property
    def fate(self) -> str:
        """The state, and for what was merged the proof it rests on: `merged, weakly proven`."""
        return fate(self.state, self.proof)

    def elapsed_s(self, now: float) -> float:
        """Seconds from start to end, or until now."""
        return 0.0 if self.started_at is None else (self.finished_at or now) - self.started_at

    def spend(self, tokens: int, cost_usd: float | None) -> None:
        self.tokens += tokens
        self.cost_usd += cost_usd or 0.0
        self.unpriced += cost_usd is None
