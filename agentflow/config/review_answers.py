"""What the agents of a review answer: the structured outputs of reviewers, synthesizers and verifiers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agentflow.config.validation import StrictModel
from agentflow.domain.findings import Category, Finding, Severity

_Confidence = Field(ge=0, le=1, description="The probability that the author would agree and mend it, from 0 to 1.")


class FindingAnswer(StrictModel):
    """One defect."""

    rule: str = Field(description="A short stable slug for the sort of defect, such as off-by-one.")
    title: str = Field(description="The defect in under twelve words.")
    message: str = Field(description="The failing case, step by step, and its effect.")
    file: str = Field(description="The file's name as it is given.")
    line: int = Field(ge=1, description="The first line of the defect, 1-based.")
    end_line: int | None = Field(default=None, ge=1, description="Its last line; null for a single line.")
    severity: Severity
    category: Category
    confidence: float = _Confidence
    evidence: str = Field(description="The lines that prove it, quoted exactly, without line numbers.")
    suggestion: str | None = Field(default=None, description="Code for exactly these lines that mends it, else null.")
    elsewhere: bool = Field(default=False, description="True if the change causes it on lines it does not touch.")

    def finding(self) -> Finding:
        return Finding(**self.model_dump())


class ReviewAnswer(StrictModel):
    """A reviewer's answer."""

    findings: tuple[FindingAnswer, ...] = Field(description="Every defect once, at its cause; may be empty.")


class GroupAnswer(StrictModel):
    """Findings that are one defect."""

    members: tuple[int, ...] = Field(min_length=1, description="Numbers of the findings; the first one speaks for all.")
    severity: Severity = Field(description="By effect, with one measure for all.")
    reason: str | None = Field(
        default=None, description="Where that is below what a member was reported with, why; else null."
    )


class SynthesisAnswer(StrictModel):
    """A synthesizer's answer."""

    groups: tuple[GroupAnswer, ...] = Field(description="Every finding's number in exactly one group.")
    findings: tuple[FindingAnswer, ...] = Field(description="Defects between files that nobody reported; may be empty.")


class VerdictAnswer(StrictModel):
    """The verdict on one finding."""

    number: int = Field(ge=1, description="The finding's number.")
    verdict: Literal["confirmed", "refuted", "unsure"]
    reason: str = Field(description="The decisive fact, with the line it rests on.")
    quote: str | None = Field(
        default=None,
        description="That line, quoted exactly, without its number. A refutation whose quote is not there is void.",
    )
    severity: Severity | None = Field(default=None, description="By effect; null for what is not confirmed.")
    confidence: float = _Confidence


class VerificationAnswer(StrictModel):
    """A verifier's answer."""

    verdicts: tuple[VerdictAnswer, ...] = Field(description="One verdict for every finding.")
