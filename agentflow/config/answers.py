"""What agents answer besides plans: the structured outputs of executors, explorers, judges and resolvers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from agentflow.config.validation import StrictModel

_Confidence = Field(ge=0, le=1, description="How sure you are, from 0 to 1; 0.9 means wrong once in ten.")


class AttemptAnswer(StrictModel):
    """An executor's answer."""

    status: Literal["done", "blocked"] = Field(
        description="done: the change is in the files. blocked: it cannot be done as asked."
    )
    summary: str = Field(description="What changed and why, in a few sentences; the commit message is made of it.")
    confidence: float = _Confidence
    blocked_reason: str | None = Field(
        default=None, description="With blocked: what stands in the way, and what would help."
    )
    needs_files: tuple[str, ...] = Field(
        default=(),
        description="With blocked: the files outside the given scope that the change needs, as paths relative to the "
        "repository root. Empty when the scope is not what blocks.",
    )


class Citation(StrictModel):
    """One line that proves a claim."""

    file: str = Field(description="Path relative to the working directory.")
    line: int = Field(ge=1, description="Line number, 1-based, as Read shows it.")


class ExploreAnswer(StrictModel):
    """An explorer's answer to one question."""

    answer: str = Field(description="The answer, with file:line beside each claim.")
    citations: tuple[Citation, ...] = Field(description="The lines the answer rests on; each must exist.")
    confidence: float = _Confidence


class JudgeAnswer(StrictModel):
    """A judge's verdict on work that the checks do not prove."""

    approve: bool = Field(description="True only if the change does what the subtask asks and breaks nothing.")
    reason: str = Field(description="The decisive fact, in a sentence or two.")
    confidence: float = _Confidence


class ResolveAnswer(StrictModel):
    """A resolver's answer."""

    status: Literal["resolved", "blocked"] = Field(
        description="resolved: no conflict marker is left. blocked: the two intentions exclude each other."
    )
    summary: str = Field(description="How the two sides were joined, or why they cannot be.")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema as models read it best: one self-contained object, references written out."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined: dict[str, Any] = _inlined(schema, definitions)
    return inlined


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    """`node` without references and without the titles that pydantic derives from field names."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        return _inlined({**target, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    titled = isinstance(node.get("title"), str)
    return {key: _inlined(value, definitions) for key, value in node.items() if not (titled and key == "title")}
