"""What every step of a run needs, put together once per process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agentflow.config.machine import make_folder
from agentflow.config.paths import worktrees_dir
from agentflow.config.settings import Settings
from agentflow.domain.agents import Agent
from agentflow.domain.attempts import SubtaskStatus
from agentflow.domain.calls import CallKind, Label
from agentflow.domain.codec import decode, encode
from agentflow.domain.events import Event, EventKind
from agentflow.domain.plans import Plan, Subtask
from agentflow.domain.reviews import ReviewSpec, Scope
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError
from agentflow.git.refs import scratch_refs
from agentflow.git.repository import Repository
from agentflow.git.rooms import Rooms
from agentflow.git.watching import Watch
from agentflow.models.session import Explore, SandboxMode, SessionRequest
from agentflow.routing.ladder import ladder_for
from agentflow.store.ledger import Ledger
from agentflow.store.records import SubtaskRecord
from agentflow.workflows.gate import Gate
from agentflow.workflows.orders import Order
from agentflow.workflows.proving import Prover
from agentflow.workflows.reviewing.workbench import Workbench
from agentflow.workflows.sessions import SessionDesk

#: Explorers at work at once, whoever asked; each is a process of about 200 MB.
MAX_EXPLORERS = 4


@dataclass(slots=True)
class RunContext:
    """One run as its steps see it.

    `flags` are the settings given on command lines, `folder` is the run's own, `rules` the project's instruction files
    at the base.
    """

    run_id: str
    goal: str
    base: str
    branch: str
    repository: Repository
    settings: Settings
    flags: Mapping[str, Any]
    agents: Mapping[str, Agent]
    ledger: Ledger
    desk: SessionDesk
    prover: Prover
    rooms: Rooms
    watch: Watch
    gate: Gate
    folder: Path
    sandbox: SandboxMode
    rules: str
    explorer_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_EXPLORERS))
    workbench: Workbench = field(default_factory=Workbench)
    #: The plan as it was last read, and what it was read from.
    _plan: tuple[str, Plan] | None = field(default=None, init=False, repr=False)

    @property
    def has_plan(self) -> bool:
        return self.ledger.run(self.run_id).plan is not None

    @property
    def plan(self) -> Plan:
        """The plan as the ledger holds it, decoded anew only when it changed; UsageError before there is one."""
        held = self.ledger.plan_text(self.run_id)
        if held is None:
            raise UsageError(f"run {self.run_id} has no plan")
        if self._plan is None or self._plan[0] != held:
            self._plan = held, decode(Plan, json.loads(held))
        return self._plan[1]

    def put_plan(self, plan: Plan) -> None:
        """Keep the plan in the ledger, in place of the one that is there."""
        self.ledger.update_run(self.run_id, plan=encode(plan))

    @property
    def checks(self) -> tuple[str, ...]:
        """The run's own checks, from the settings or discovered with the baseline."""
        return tuple(self.ledger.spec(self.run_id).get("checks") or ())

    @property
    def review_spec(self) -> ReviewSpec:
        """What the run's review was asked for; KeyError where none was."""
        return decode(ReviewSpec, self.ledger.run(self.run_id).spec["review"])

    @property
    def scope(self) -> Scope:
        """What the run's review reads, once it is collected. Every pack asks for it, so it is decoded once."""
        if self.workbench.scope is None:
            self.workbench.scope = decode(Scope, self.ledger.run(self.run_id).spec["scope"])
        return self.workbench.scope

    @property
    def empty_folder(self) -> Path:
        """Where agents without tools work: nothing there can steer them."""
        return make_folder(self.folder / "empty")

    @property
    def ladders(self) -> dict[str, tuple[Tier, ...]]:
        return {s.id: ladder_for(self.agents[s.agent], s.complexity) for s in self.plan.subtasks}

    def scratch_ref(self, name: str) -> str:
        """A ref that holds a commit for as long as the run goes on. No subtask's id begins with an underscore."""
        return f"{scratch_refs(self.run_id)}{name}"

    @property
    def base_worktree(self) -> Path:
        """A read-only view of the starting commit: baseline checks, planner and explorers work in it."""
        return worktrees_dir(self.run_id) / "base"

    @property
    def merge_worktree(self) -> Path:
        return worktrees_dir(self.run_id) / "merge"

    def worktree(self, order: Order) -> Path:
        return self.worktree_of(order.subtask, order.room)

    def worktree_of(self, subtask: str, n: int) -> Path:
        """That of a subtask's attempt `n`."""
        return worktrees_dir(self.run_id) / f"{subtask}-{n}"

    def model(self, tier: Tier) -> str:
        """The tier's full model id. Raises UsageError when the tier has none configured."""
        model = self.settings.tiers[tier].model
        if model is None:
            raise UsageError(
                f"tier {tier.value!r} has no model", hint=f"set tiers.{tier.value}.model in the user config"
            )
        return model

    def request(
        self,
        kind: CallKind,
        agent: Agent,
        tier: Tier,
        *,
        prompt: str,
        schema: Mapping[str, object],
        worktree: Path,
        subtask: str = "-",
        attempt: int = 1,
        write_scope: tuple[str, ...] = (),
        commands: tuple[str, ...] = (),
        resume: str | None = None,
        afresh: str = "",
        explore: Explore | None = None,
        shared: str = "",
        accepts: Mapping[str, object] | None = None,
    ) -> SessionRequest:
        """A session request with everything the run already knows filled in."""
        return SessionRequest(
            label=Label(self.run_id, subtask, agent.name, tier, attempt),
            kind=kind,
            agent=agent,
            model=self.model(tier),
            prompt=prompt,
            schema=schema,
            cwd=worktree,
            private_dir=self.folder / "agents",
            write_scope=write_scope,
            commands=commands,
            sandbox=self.sandbox,
            resume=resume,
            afresh=afresh,
            explore=explore,
            shared=shared,
            accepts=accepts,
            env=self.prover.session_environment(worktree) if "Bash" in agent.tool_names else {},
            checkout=self.repository.root,
        )

    def put_subtask(self, subtask: str, status: SubtaskStatus, reason: str = "", commit: str | None = None) -> None:
        """Write where a subtask stands; its tier is the last one it ran on, at first where its ladder starts."""
        plan = self.plan
        tried = self.ledger.attempts(self.run_id, subtask=subtask)
        position = [s.id for s in plan.subtasks].index(subtask)
        row = self._row(position, plan.subtasks[position], status)
        tier = tried[-1].tier if tried else row.tier
        self.ledger.put_subtasks(self.run_id, [replace(row, tier=tier, reason=reason, commit=commit)])

    def put_waiting(self, subtasks: Collection[str]) -> None:
        """Write that these subtasks of the plan wait."""
        planned = enumerate(self.plan.subtasks)
        rows = [self._row(n, subtask, SubtaskStatus.WAITING) for n, subtask in planned if subtask.id in subtasks]
        self.ledger.put_subtasks(self.run_id, rows)

    def _row(self, position: int, subtask: Subtask, status: SubtaskStatus) -> SubtaskRecord:
        tier = ladder_for(self.agents[subtask.agent], subtask.complexity)[0]
        return SubtaskRecord(subtask.id, position, subtask.title, status, tier)

    def emit(self, kind: EventKind, subtask: str = "-", attempt: int = 0, tier: str = "", **data: object) -> None:
        self.ledger.emit(self.run_id, Event(kind, subtask, attempt, tier=tier, data=data))
