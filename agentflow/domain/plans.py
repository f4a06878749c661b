"""Plans: the planner's output, a directed acyclic graph of subtasks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from agentflow.domain.agents import Agent, Role
from agentflow.domain.tiers import Complexity

MAX_SUBTASKS = 40
_ID = re.compile(r"[a-z0-9-]{1,48}")


class Kind(StrEnum):
    """What sort of work a subtask is; with complexity it is the ledger's task class."""

    IMPLEMENT = "implement"
    FIX = "fix"
    REFACTOR = "refactor"
    TEST = "test"
    DOCS = "docs"


@dataclass(frozen=True, slots=True)
class Subtask:
    """One node of the plan: instructions, write scope (`files`, globs), checks, complexity.

    `changes_tests` and `drops_tests` name tests that existed before and whose behaviour changes, or which may vanish.
    """

    id: str
    title: str
    instructions: str
    kind: Kind
    complexity: Complexity
    agent: str
    depends_on: tuple[str, ...]
    files: tuple[str, ...]
    checks: tuple[str, ...]
    acceptance: tuple[str, ...]
    changes_tests: tuple[str, ...] = ()
    drops_tests: tuple[str, ...] = ()

    @property
    def task_class(self) -> str:
        return f"{self.kind}/{self.complexity}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Subtasks and the premises they rest on."""

    summary: str
    assumptions: tuple[str, ...]
    subtasks: tuple[Subtask, ...]

    def subtask(self, subtask_id: str) -> Subtask:
        return next(subtask for subtask in self.subtasks if subtask.id == subtask_id)

    def ready(self, merged: Collection[str], started: Collection[str]) -> tuple[Subtask, ...]:
        """Subtasks not started whose dependencies are all merged, in plan order."""
        done = set(merged)
        return tuple(s for s in self.subtasks if s.id not in started and done.issuperset(s.depends_on))

    def dependants(self, subtask_id: str) -> tuple[str, ...]:
        """Ids of all subtasks that need this one, directly or not, in plan order."""
        lost = {subtask_id}
        for subtask in self.in_order():
            if lost & set(subtask.depends_on):
                lost.add(subtask.id)
        return tuple(s.id for s in self.subtasks if s.id in lost and s.id != subtask_id)

    def in_order(self) -> tuple[Subtask, ...]:
        """Dependencies first. Raises CycleError on a plan that was not validated."""
        graph = {s.id: s.depends_on for s in self.subtasks}
        return tuple(self.subtask(subtask_id) for subtask_id in TopologicalSorter(graph).static_order())


def executors(agents: Mapping[str, Agent]) -> tuple[str, ...]:
    """Names of the agents that may carry out a subtask: executors that may write."""
    return tuple(name for name, agent in agents.items() if agent.role is Role.EXECUTOR and agent.may_write)


def plan_errors(plan: Plan, agents: Mapping[str, Agent]) -> list[str]:
    """Everything that is wrong with the plan, at once, worded for its author; empty when it is valid."""
    return [*_graph_errors(plan), *(error for s in plan.subtasks for error in _subtask_errors(s, agents))]


def _graph_errors(plan: Plan) -> Iterator[str]:
    ids = [subtask.id for subtask in plan.subtasks]
    if not 1 <= len(ids) <= MAX_SUBTASKS:
        yield f"a plan has 1 to {MAX_SUBTASKS} subtasks, this one has {len(ids)}"
    for repeated in sorted({i for i in ids if ids.count(i) > 1}):
        yield f"subtask id {repeated!r} is used more than once"
    for subtask in plan.subtasks:
        for missing in (needed for needed in subtask.depends_on if needed not in ids):
            yield f"{subtask.id}: depends_on names {missing!r}, which is not a subtask"
    try:
        TopologicalSorter({s.id: s.depends_on for s in plan.subtasks}).prepare()
    except CycleError as error:
        yield f"the dependencies form a cycle: {' → '.join(error.args[1])}"


def _subtask_errors(subtask: Subtask, agents: Mapping[str, Agent]) -> Iterator[str]:
    if not _ID.fullmatch(subtask.id):
        yield f"subtask id {subtask.id!r} must match [a-z0-9-]{{1,48}}"
    if subtask.agent not in executors(agents):
        what = "cannot carry out subtasks" if subtask.agent in agents else "is unknown"
        yield f"{subtask.id}: agent {subtask.agent!r} {what}; there are: {', '.join(executors(agents))}"
    if not subtask.instructions.strip():
        yield f"{subtask.id}: instructions are empty"
    if not subtask.files:
        yield f"{subtask.id}: files is empty; name the globs this subtask may change"
    for glob in (g for g in subtask.files if not is_inside_repository(g)):
        yield f"{subtask.id}: files entry {glob!r} must be a relative path or glob inside the repository"
    for command in (c for c in subtask.checks if not c.strip() or "\n" in c or "\0" in c):
        yield f"{subtask.id}: check {command!r} must be one line with a command"


def is_inside_repository(glob: str) -> bool:
    """Whether a glob can only name files of the repository that agents may touch."""
    path = PurePosixPath(glob)
    unsafe = {"..", ".git"} & set(path.parts) or glob.startswith(("~", "-", ":", "!"))
    plain = bool(glob.strip()) and not any(ord(c) < 32 or c == "\\" for c in glob)
    return plain and not path.is_absolute() and not unsafe
