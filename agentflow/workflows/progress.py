"""Where a run stands: which subtask may start, climb, or has to be given up. Pure, so a replay decides the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agentflow.domain.attempts import Attempt, SubtaskStatus
from agentflow.domain.plans import Plan
from agentflow.domain.tiers import Tier
from agentflow.routing.ladder import next_rung
from agentflow.workflows.orders import Car, Merge, Order, Prior, Start, Train, TrainOrder, prior_of


@dataclass(slots=True)
class Progress:
    """The run's head, the orders and merges waiting to be made, and every subtask's fate so far."""

    run: str
    plan: Plan
    ladders: Mapping[str, tuple[Tier, ...]]
    head: str
    max_parallel: int
    status: dict[str, SubtaskStatus] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    bounced: set[str] = field(default_factory=set)
    waiting: list[Order] = field(default_factory=list)
    passed: list[Attempt] = field(default_factory=list)
    landed: list[Car] = field(default_factory=list)
    merging: bool = False
    trains: int = 0

    @classmethod
    def at(cls, run: str, start: Start) -> Progress:
        return cls(run, start.plan, start.ladders, start.base, start.max_parallel)

    @property
    def merged(self) -> list[str]:
        done = (SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN)
        return [subtask for subtask, status in self.status.items() if status in done]

    def extend(self, start: Start) -> bool:
        """Take in what was added to the plan. Says whether anything was."""
        added = len(start.plan.subtasks) > len(self.plan.subtasks)
        self.plan, self.ladders = start.plan, start.ladders
        return added

    def next_orders(self, in_flight: int) -> list[Order]:
        """Orders to make now, from the head as it is: climbing subtasks first, then ready ones in plan order."""
        for subtask in self.plan.ready(self.merged, self.status):
            self.status[subtask.id] = SubtaskStatus.RUNNING
            self.waiting.append(self._order(subtask.id, self.ladders[subtask.id][0], None))
        free = max(0, self.max_parallel - in_flight)
        orders, self.waiting = self.waiting[:free], self.waiting[free:]
        return [replace(order, base=self.head) for order in orders]

    def next_train(self) -> TrainOrder | None:
        """All that has passed and waits, in the order in which it passed; one train at a time."""
        if self.merging or not self.passed:
            return None
        self.merging, self.trains = True, self.trains + 1
        return TrainOrder(self.run, self.trains, tuple(self.passed), self.head)

    def end_train(self, train: Train) -> list[tuple[Attempt, Merge]]:
        """What became of the attempts of the train that was under way; those left wait for the next one."""
        settled = [
            (attempt, train.merges[attempt.subtask]) for attempt in self.passed if attempt.subtask in train.merges
        ]
        self.passed = [attempt for attempt in self.passed if attempt.subtask not in train.merges]
        self.merging = False
        return settled

    def climb(self, attempt: Attempt) -> bool:
        """After a quality failure: order the next rung, or say False when the ladder ends."""
        tier = next_rung(self.ladders[attempt.subtask], attempt.tier)
        if tier is not None:
            self.waiting.insert(0, self._order(attempt.subtask, tier, prior_of(attempt)))
        return tier is not None

    def bounce(self, attempt: Attempt, merge: Merge) -> bool:
        """Green alone, red on the combination: once again on the same tier from the new head, then up the ladder."""
        landed = any(car.attempt == attempt for car in self.landed)
        prior = Prior(attempt.tier, attempt.base, attempt.commit, merge.reason, merge.digest, landed)
        again = attempt.subtask not in self.bounced
        tier = attempt.tier if again else next_rung(self.ladders[attempt.subtask], attempt.tier)
        self.bounced.add(attempt.subtask)
        if tier is not None:
            self.waiting.insert(0, self._order(attempt.subtask, tier, prior))
        return tier is not None

    def advance(self, attempt: Attempt, merge: Merge, status: SubtaskStatus) -> None:
        """The attempt's commit is the run's new head."""
        self.head = merge.head
        self.landed.append(Car(attempt, merge.head))
        self.status[attempt.subtask] = status

    def reopen(self, subtask: str) -> Attempt:
        """A landed subtask has to be worked on again. Returns the attempt that landed."""
        self.status[subtask] = SubtaskStatus.RUNNING
        return next(car.attempt for car in reversed(self.landed) if car.attempt.subtask == subtask)

    def give_up(self, subtask: str, status: SubtaskStatus) -> tuple[str, ...]:
        """The subtask is lost, and with it everything that needs it and has not begun. Returns the skipped ids."""
        self.status[subtask] = status
        skipped = tuple(lost for lost in self.plan.dependants(subtask) if lost not in self.status)
        self.status.update(dict.fromkeys(skipped, SubtaskStatus.SKIPPED))
        return skipped

    def _order(self, subtask: str, tier: Tier, prior: Prior | None) -> Order:
        n = self.attempts[subtask] = self.attempts.get(subtask, 0) + 1
        return Order(self.run, subtask, n, tier, self.head, prior)
