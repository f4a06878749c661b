"""Calls: priced model requests and sessions, the rows of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentflow.domain.tiers import Tier


class CallKind(StrEnum):
    """Why a session was started; `interactive` is a person's own."""

    PLAN = "plan"
    EXPLORE = "explore"
    EXECUTE = "execute"
    JUDGE = "judge"
    RESOLVE = "resolve"
    REVIEW = "review"
    SYNTHESIZE = "synthesize"
    VERIFY = "verify"
    INTERACTIVE = "interactive"


class Grouping(StrEnum):
    """What costs are summed up by: a task is what the planner said a subtask is, a day one of the local time zone."""

    MODEL = "model"
    AGENT = "agent"
    KIND = "kind"
    TASK = "task"
    DAY = "day"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The four token classes of a request; cache writes by lifetime, since their prices differ."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @property
    def cache_write(self) -> int:
        return self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write_5m + other.cache_write_5m,
            self.cache_write_1h + other.cache_write_1h,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One answered model request inside a session.

    `cost_usd` is None when the model has no known price, and when the usage was not told. In that case `estimate_usd`
    is what we take it for, by our own count: budgets count it, no bill shows it as spent.
    """

    model: str
    tokens: Tokens
    cost_usd: float | None
    estimate_usd: float | None = None

    @property
    def counted_usd(self) -> float:
        """What a budget counts."""
        return (self.estimate_usd if self.cost_usd is None else self.cost_usd) or 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """What a session works for; it travels as the X-Agentflow-* headers and stands in every ledger row.

    `subtask` is "-" outside subtasks, `attempt` is 1-based.
    """

    run: str
    subtask: str
    agent: str
    tier: Tier
    attempt: int

    def headers(self) -> dict[str, str]:
        return {
            "X-Agentflow-Run": self.run,
            "X-Agentflow-Subtask": self.subtask,
            "X-Agentflow-Agent": self.agent,
            "X-Agentflow-Tier": self.tier.value,
            "X-Agentflow-Attempt": str(self.attempt),
        }
