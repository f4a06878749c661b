"""Plans: the planner's output, a directed acyclic graph of subtasks."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from agentflow.domain.agents import Agent, Role
from agentflow.domain.scope import alternatives, covers_any, fixed_part, is_plain, scope_error
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

    @property
    def checks(self) -> tuple[str, ...]:
        """What its subtasks promise, each command once."""
        return tuple(dict.fromkeys(check for subtask in self.subtasks for check in subtask.checks))

    def subtask(self, subtask_id: str) -> Subtask:
        return next(subtask for subtask in self.subtasks if subtask.id == subtask_id)

    def changed(self, subtask: Subtask) -> Plan:
        """The plan with this subtask in place of the one of its id."""
        return replace(self, subtasks=tuple(subtask if s.id == subtask.id else s for s in self.subtasks))

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
    return [*graph_errors(plan), *(error for s in plan.subtasks for error in _subtask_errors(s, agents))]


def scope_doubts(plan: Plan, tree: Sequence[str]) -> list[str]:
    """Subtasks whose `files`, as far as can be told, cover nothing: no file of `tree`, and no new one.

    A path without wildcards may always be new, and so may a folder that is not there, unless it looks like a slip of
    the pen. Worded for the plan's author; the plan must be valid.
    """
    without = [subtask for subtask in plan.subtasks if not covers_any(subtask.files, tree)]
    folders = _folders(tree) if without else frozenset()
    return [f"{s.id}: {doubt}" for s in without if (doubt := _scope_doubt(s, tree, folders)) is not None]


def graph_errors(plan: Plan) -> Iterator[str]:
    """What is wrong with the plan's ids and dependencies."""
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
    for glob in subtask.files:
        if (reason := scope_error(glob)) is not None:
            yield f"{subtask.id}: files entry {glob!r} {reason}"
    for command in (c for c in subtask.checks if not c.strip() or "\n" in c or "\0" in c):
        yield f"{subtask.id}: check {command!r} must be one line with a command"


def _folders(tree: Sequence[str]) -> frozenset[str]:
    found = set[str]()
    for path in tree:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return frozenset(found)


def _scope_doubt(subtask: Subtask, tree: Sequence[str], folders: Collection[str]) -> str | None:
    globs = [glob for entry in subtask.files for glob in alternatives(entry)]
    if any(_may_be_new(glob, folders) for glob in globs):
        return None
    told = f"files {', '.join(map(repr, subtask.files))} match no file of the repository and name no new one"
    return told + _what_is_there(globs, folders, tree)


def _may_be_new(glob: str, folders: Collection[str]) -> bool:
    first, fixed = PurePosixPath(glob.lstrip("/")).parts[:1], fixed_part(glob)
    if glob.startswith("/") and not set(first) & set(folders):
        return False  # most likely a path of the machine
    return is_plain(glob) or bool(fixed and fixed not in folders and not _near(fixed, folders))


def _what_is_there(globs: Sequence[str], folders: Collection[str], tree: Sequence[str]) -> str:
    for fixed in map(fixed_part, globs):
        if near := [] if fixed in folders else _near(fixed, folders):
            return f"; did you mean {near[0]!r}?"
        kinds = Counter(PurePosixPath(path).suffix for path in tree if path.startswith(f"{fixed}/" if fixed else ""))
        if told := ", ".join(f"*{suffix}" for suffix, _ in kinds.most_common(5) if suffix):
            return f"; {fixed or 'it'} holds {told}"
    return ""


def _near(folder: str, folders: Collection[str]) -> list[str]:
    return difflib.get_close_matches(folder, sorted(folders), 1, 0.85) if folder else []
