"""Where a run stands: which subtask may start, climb, or has to be given up. Pure, so a replay decides the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agentflow.domain.attempts import Attempt, SubtaskStatus
from agentflow.domain.plans import Plan, Subtask, graph_errors
from agentflow.domain.scope import matches_scope
from agentflow.domain.tiers import Tier
from agentflow.routing.ladder import next_rung
from agentflow.workflows.orders import (
    Car,
    Merge,
    Met,
    Order,
    Prior,
    Replanned,
    Resumed,
    Start,
    Train,
    TrainOrder,
    Walled,
    prior_of,
)

#: How often a subtask's scope is made wider at its agents' word.
MAX_WIDENINGS = 2
_OPEN = (SubtaskStatus.WAITING, SubtaskStatus.RUNNING)
_LANDED = (SubtaskStatus.MERGED, SubtaskStatus.UNPROVEN)


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
    planner: bool = False
    walls: list[Attempt] = field(default_factory=list)
    widened: Counter[str] = field(default_factory=Counter)
    asked_planner: set[str] = field(default_factory=set)
    again: dict[str, tuple[Tier, Prior]] = field(default_factory=dict)

    @classmethod
    def at(cls, run: str, start: Start) -> Progress:
        return cls(run, start.plan, start.ladders, start.base, start.max_parallel, planner=start.planner)

    @property
    def merged(self) -> list[str]:
        return [subtask for subtask, status in self.status.items() if status in _LANDED]

    @property
    def lost(self) -> list[str]:
        """Subtasks that are given up."""
        return [subtask for subtask, status in self.status.items() if status not in (*_LANDED, *_OPEN)]

    @property
    def standing(self) -> list[Car]:
        """The last commit of every subtask that landed and is still there."""
        last = {car.attempt.subtask: car for car in self.landed}
        return [last[subtask] for subtask in self.merged if subtask in last]

    def extend(self, start: Start) -> bool:
        """Take in what was added to the plan. Says whether anything was."""
        added = len(start.plan.subtasks) > len(self.plan.subtasks)
        self.plan, self.ladders = start.plan, start.ladders
        return added

    def next_orders(self, in_flight: int) -> list[Order]:
        """Orders to make now, from the head as it is: climbing subtasks first, then ready ones in plan order."""
        for subtask in self.plan.ready(self.merged, self.status):
            self.status[subtask.id] = SubtaskStatus.RUNNING
            tier, prior = self.again.pop(subtask.id, (self.ladders[subtask.id][0], None))
            self.waiting.append(self._order(subtask.id, tier, prior))
        free = max(0, self.max_parallel - in_flight)
        orders, self.waiting = self.waiting[:free], self.waiting[free:]
        return [order if order.resumed else replace(order, base=self.head) for order in orders]

    def next_train(self) -> TrainOrder | None:
        """All that has passed and waits, in the order in which it passed; one train at a time."""
        if self.merging or not self.passed:
            return None
        self.merging, self.trains = True, self.trains + 1
        return TrainOrder(self.run, self.trains, tuple(self.passed), self.head)

    def take_in(self, met: Met) -> None:
        """Others have moved the branch: the run goes on from what stands there now."""
        self.head = met.head
        self.landed = [replace(car, commit=met.moved.get(car.commit, car.commit)) for car in self.landed]

    def end_train(self, train: Train) -> list[tuple[Attempt, Merge]]:
        """What became of the attempts of the train that was under way; those left wait for the next one."""
        if train.met is not None:
            self.take_in(train.met)
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

    def widen(self, attempt: Attempt) -> bool:
        """Give a subtask the files it met as a wall, and let its session go on; or say False where that may not be.

        It may where all of them are an agent's to ask for and no subtask that may run meanwhile has them in its scope.
        """
        wall, subtask = attempt.wall, self.plan.subtask(attempt.subtask)
        if wall is None or not wall.files or wall.session is None or wall.reserved or self.owners(attempt):
            return False
        if self.widened[subtask.id] >= MAX_WIDENINGS:
            return False
        self.widened[subtask.id] += 1
        self.plan = self.plan.changed(replace(subtask, files=(*subtask.files, *wall.files)))
        order = self._order(subtask.id, attempt.tier, prior_of(attempt))
        self.waiting.insert(0, replace(order, base=attempt.base, resumed=Resumed(wall.session, wall.room)))
        return True

    def owners(self, attempt: Attempt) -> dict[str, str]:
        """By file that the attempt met as a wall, a subtask that may change it before this one is done."""
        later = {attempt.subtask, *self.plan.dependants(attempt.subtask)}
        others = [s for s in self.plan.subtasks if s.id not in later and self.status.get(s.id, _OPEN[0]) in _OPEN]
        needed = attempt.wall.files if attempt.wall else ()
        return {file: other.id for file in needed for other in others if _owns(other, file)}

    def ask_planner(self, attempt: Attempt) -> bool:
        """Have the planner meet a wall, once for a subtask; False when it was asked already, or nobody planned."""
        may = self.planner and attempt.subtask not in self.asked_planner
        if may:
            self.asked_planner.add(attempt.subtask)
            self.walls.append(attempt)
        return may

    def next_walls(self) -> list[Walled]:
        """What to ask the planner now."""
        walls, self.walls = self.walls, []
        return [Walled(self.run, a, self.owners(a), tuple(self.merged), tuple(self.lost)) for a in walls]

    def take_up(self, replanned: Replanned) -> bool:
        """Start a subtask again as the planner planned it anew, on the tier it was on; False where that cannot be."""
        attempt, subtask = replanned.attempt, replanned.subtask
        if subtask is None:
            return False
        plan = self.plan.changed(subtask)
        if any(graph_errors(plan)) or set(subtask.depends_on) & set(self.lost):
            return False
        self.plan = plan
        del self.status[subtask.id]
        self.again[subtask.id] = attempt.tier, prior_of(attempt)
        return True

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


def _owns(subtask: Subtask, file: str) -> bool:
    """Whether the subtask's scope covers the file or, should the file be a folder, something in it."""
    return matches_scope(file, subtask.files) or any(matches_scope(entry, [file]) for entry in subtask.files)
