"""What `agentflow doctor` found, as text and as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from agentflow.report.documents import as_text


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about this machine: its `value`, or else the `problem` with it."""

    name: str
    value: str
    problem: str | None


def doctor_text(facts: Sequence[Fact]) -> str:
    width = max(len(fact.name) for fact in facts)
    return "\n".join(f"{fact.name:{width}}  {f'✗ {fact.problem}' if fact.problem else fact.value}" for fact in facts)


def doctor_document(facts: Sequence[Fact]) -> str:
    """`agentflow/doctor/1`, as it is printed."""
    return as_text({"schema": "agentflow/doctor/1", "facts": [asdict(fact) for fact in facts]})
