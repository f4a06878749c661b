"""What passes between the steps of a run: small, plain, and the same after a crash."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentflow.domain.attempts import Attempt, Outcome
from agentflow.domain.evidence import LeftOut, Proof
from agentflow.domain.plans import Plan, Subtask
from agentflow.domain.tiers import Tier
from agentflow.models.session import Denial


@dataclass(frozen=True, slots=True)
class Prior:
    """What the attempt before leaves to the next one: its commit (if any), verdict and digest.

    `landed`: it was merged, and what it broke showed later; its work is in the files that the next one finds.
    """

    tier: Tier
    base: str
    commit: str | None
    reason: str
    digest: str
    landed: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on in the worktree it worked in: that of attempt `room`."""

    session: str
    room: int


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt to be made: subtask, number (1-based), tier, the commit it starts from, what is known already.

    `resumed`: the session of the attempt before goes on, on top of its own commit, instead of a new one.
    """

    run: str
    subtask: str
    n: int
    tier: Tier
    base: str
    prior: Prior | None = None
    resumed: Resumed | None = None

    @property
    def room(self) -> int:
        """The attempt whose worktree this one works in."""
        return self.resumed.room if self.resumed else self.n

    @property
    def name(self) -> str:
        """Unique in the run and the same on every replay: names the child workflow and its steps."""
        return f"{self.subtask}/{self.n}"


@dataclass(frozen=True, slots=True)
class Round:
    """One session of an attempt and the commit it left. `failure` is set when the session gave no usable answer.

    `needs_files` is what a blocked agent asks for; `refused` are paths it tried to write and that lie outside its
    subtask's files, `denials` all that it was refused. `started` is when the attempt began, in Unix seconds. `left_out`
    lies in the worktree and is not in the commit.
    """

    session_id: str | None
    model: str
    commit: str | None
    blocked: bool = False
    summary: str = ""
    confidence: float = 0.0
    failure: Outcome | None = None
    reason: str = ""
    started: float = 0.0
    needs_files: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    denials: tuple[Denial, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """A round's verdict. The evidence behind it is kept by tree (`workflows/proving.py`).

    `proof` is what a merge would rest on, where the checks let the work pass: all but `proven` needs a judge, who reads
    `reason` and `digest`. Else it is None.
    """

    outcome: Outcome
    reason: str = ""
    digest: str = ""
    proof: Proof | None = None

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED


@dataclass(frozen=True, slots=True)
class Start:
    """What execution starts from, recorded so that a resumed run decides by the same.

    `review`: the whole diff is reviewed before the run ends. `planner`: a planner made the plan and can be asked again.
    `mutate`: how many wrong versions of each landed subtask's change are tried.
    """

    plan: Plan
    base: str
    max_parallel: int
    ladders: dict[str, tuple[Tier, ...]]
    review: bool = False
    planner: bool = False
    mutate: int = 0


@dataclass(frozen=True, slots=True)
class Merge:
    """What the merge queue says about a passed attempt: the new head, or why not."""

    head: str
    merged: bool
    reason: str = ""
    digest: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Met:
    """The run's head once its branch was looked at. `moved`: what the run's commits became that others moved."""

    head: str
    moved: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """Passed attempts to be put onto `head` together, in the order in which they passed.

    `number` counts the run's trains from 1: an attempt may wait for a second train, but no train goes twice.
    """

    run: str
    number: int
    attempts: tuple[Attempt, ...]
    head: str

    @property
    def name(self) -> str:
        return f"train {self.number}"


@dataclass(frozen=True, slots=True)
class Car:
    """An attempt and the one commit that it became on the run's branch, or would become."""

    attempt: Attempt
    commit: str


@dataclass(frozen=True, slots=True)
class Squashed:
    """A train's commits, the first on its head, each other on the one before. What conflicts is left out.

    Where nothing is left, `conflicts` are the paths in which the first attempt conflicts with the head. `clashes`, by
    subtask: git could merge the attempt, and says nothing of what takes the same number twice.
    """

    cars: tuple[Car, ...]
    conflicts: tuple[str, ...] = ()
    clashes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The commit that a resolver left on the head, or why there is none, and the conflicted paths.

    `lost`: by subtask ("": somebody else), the files in which nothing is left of its change; only tests can approve.
    """

    commit: str | None
    reason: str = ""
    conflicts: tuple[str, ...] = ()
    lost: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Train:
    """What became of a train's attempts, by subtask in the order in which they passed; the others go on waiting.

    `met` is the head that the train was put onto, with what others had done to the branch before.
    """

    merges: dict[str, Merge]
    met: Met | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether what every landed subtask promised holds on the run's head.

    `breaches`: by the subtask that broke a promise, what shows it. `plan` is the run's plan, in which that subtask
    now promises what it broke.
    """

    plan: Plan
    breaches: dict[str, Merge]


@dataclass(frozen=True, slots=True)
class Walled:
    """An attempt whose wall the planner is to meet. `owners` names, by file, a subtask that may change it meanwhile.

    `merged` and `lost` are the subtasks that are done and those that are given up.
    """

    run: str
    attempt: Attempt
    owners: dict[str, str]
    merged: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.attempt.subtask}/{self.attempt.n}"


@dataclass(frozen=True, slots=True)
class Replanned:
    """The planner's answer to a wall: the subtask planned anew, or None with the reason.

    `stands`: the planner says that the subtask can be done as it was planned.
    """

    attempt: Attempt
    subtask: Subtask | None
    reason: str
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Drafted:
    """The planner's answer: a valid plan, or what is wrong with the last answer it gave."""

    plan: Plan | None
    errors: tuple[str, ...] = ()
    session_id: str | None = None


def prior_of(attempt: Attempt) -> Prior:
    return Prior(attempt.tier, attempt.base, attempt.commit, attempt.reason, attempt.digest)
