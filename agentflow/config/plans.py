"""Plans as the planner answers them and as people write them in `plan.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agentflow.config.answers import schema_of
from agentflow.config.validation import StrictModel, validate
from agentflow.config.yaml import dump_yaml, read_yaml, unprintable
from agentflow.domain.codec import decode, encode
from agentflow.domain.plans import MAX_SUBTASKS, Kind, Plan, Subtask
from agentflow.domain.tiers import Complexity
from agentflow.errors import UsageError

_HEADER = """\
# A plan for `agentflow run --plan FILE`. Edit it freely: ids and globs are checked before anything is spent.
# files: what a subtask may change. checks: commands that pass when it is done. depends_on: ids that come first.
# changes_tests, drops_tests: old tests (path::name, path or glob) that may hold something else afterwards, or vanish.
"""


def _printable(text: str) -> str:
    """The text; raises ValueError when it holds control characters."""
    if bad := unprintable(text):
        raise ValueError(f"holds the control character {bad!r}")
    return text


Text = Annotated[str, AfterValidator(_printable)]


class SubtaskDocument(StrictModel):
    """One subtask: small enough to prove, complete enough for a stranger."""

    id: Text = Field(description="Unique; 1 to 48 of a-z, 0-9 and -.")
    title: Text = Field(description="What changes, in under ten words; the first line of the commit.")
    instructions: Text = Field(
        description="What to change, where and why, with file:line and the decisions already made. "
        "The agent that works on it sees nothing else of the plan."
    )
    kind: Kind = Field(description="The sort of work.")
    complexity: Complexity = Field(
        description="simple: mechanical, in one place. medium: a change to design within one area. "
        "complex: several areas or a subtle algorithm. It decides which model starts."
    )
    agent: Text = Field(description="One of the agents listed as able to carry out a subtask.")
    depends_on: tuple[Text, ...] = Field(default=(), description="Ids of subtasks that must be merged before.")
    files: tuple[Text, ...] = Field(
        description="Write scope: paths or globs relative to the repository root; anything changed outside fails the "
        "attempt. Include new files, and tests only if this subtask is to change them."
    )
    checks: tuple[Text, ...] = Field(
        (),
        description="Shell commands, one line each, run from the repository root, that pass if and only if this "
        "subtask is done. Narrow and fast. Its exit code tells: nothing behind `;`, `||` or `&` may hide a failure.",
    )
    acceptance: tuple[Text, ...] = Field(default=(), description="Facts that must hold afterwards, one each.")
    changes_tests: tuple[Text, ...] = Field(
        default=(),
        description="Existing tests whose expectations the task itself changes: ids (path::name), paths or globs. "
        "Usually none.",
    )
    drops_tests: tuple[Text, ...] = Field(
        default=(), description="Existing tests that the task renames or removes, named the same way. Usually none."
    )


class PlanDocument(StrictModel):
    """A plan: subtasks whose dependencies form no cycle."""

    summary: Text = Field(description="The whole change in one sentence.")
    assumptions: tuple[Text, ...] = Field(default=(), description="Premises that the task does not state.")
    subtasks: tuple[SubtaskDocument, ...] = Field(
        description="As few as can be proved one by one.",
        json_schema_extra={"minItems": 1, "maxItems": MAX_SUBTASKS},  # enforced by the domain's plan_errors
    )

    def plan(self) -> Plan:
        return decode(Plan, self.model_dump(mode="json"))


class ReplanAnswer(StrictModel):
    """A planner's answer when a subtask of its plan met a wall."""

    verdict: Literal["replanned", "stands"] = Field(
        description="replanned: the subtask is planned anew. stands: it can be done as it was planned."
    )
    reason: Text = Field(description="Why, in a sentence or two; with stands, how the subtask can be done.")
    files: tuple[Text, ...] | None = Field(default=None, description="The whole new write scope; null: as it is.")
    depends_on: tuple[Text, ...] | None = Field(
        default=None, description="All ids that must be merged before; null: as it is."
    )
    instructions: Text | None = Field(default=None, description="The whole new instructions; null: as they are.")
    checks: tuple[Text, ...] | None = Field(default=None, description="All new checks; null: as they are.")

    def applied(self, subtask: Subtask) -> Subtask:
        given = self.model_dump(include={"files", "depends_on", "instructions", "checks"}, exclude_none=True)
        return replace(subtask, **given)


def plan_schema() -> dict[str, Any]:
    """The JSON schema of the planner's structured output."""
    return schema_of(PlanDocument)


def plan_from(data: object) -> Plan:
    """The planner's answer as a Plan; raises UsageError with every error of form, one a line.

    What is wrong with its meaning (cycles, unknown agents, globs) is for `plan_errors` of the domain.
    """
    if not isinstance(data, Mapping):
        raise UsageError("a plan is an object with summary, assumptions and subtasks")
    return validate(PlanDocument, dict(data), "").plan()


def load_plan(path: Path) -> Plan:
    """The plan in a YAML file; raises UsageError with every error of form as `file:line: key: message`."""
    return validate(PlanDocument, read_yaml(path), str(path)).plan()


def dump_plan(plan: Plan) -> str:
    """The plan as YAML that people can edit and `load_plan` reads back as the same plan."""
    return _HEADER + dump_yaml(encode(plan))
