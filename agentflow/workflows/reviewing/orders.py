"""What passes between the steps of a review."""

from __future__ import annotations

from dataclasses import dataclass

from agentflow.domain.findings import Dropped, Finding
from agentflow.domain.reviews import Pack, Scope
from agentflow.domain.tiers import Tier
from agentflow.review.joining import Candidate
from agentflow.review.ruling import Ruling
from agentflow.review.verifying import Batch


@dataclass(frozen=True, slots=True)
class Start:
    """What a review begins with. `warm`: the first pack goes alone, so that the others find the prompt cached."""

    scope: Scope
    warm: bool
    finder: Tier
    verifiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class PackOrder:
    """One pack to be read by one reviewer."""

    run: str
    pack: Pack

    @property
    def name(self) -> str:
        return self.pack.name


@dataclass(frozen=True, slots=True)
class Found:
    """What a pack's reviewer reported, as far as it stands in the code.

    `voided` are the findings that cite what is not there; `failure` says why there is no answer; `kept` that the answer
    is an earlier review's; `notes` what of the answer could not be read.
    """

    pack: Pack
    findings: tuple[Finding, ...] = ()
    voided: tuple[Dropped, ...] = ()
    failure: str | None = None
    kept: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The findings of all packs as one list; `merged` counts those that another one speaks for."""

    candidates: tuple[Candidate, ...] = ()
    merged: int = 0
    voided: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """Findings to be checked against the code by one verifier on this tier."""

    run: str
    batch: Batch
    tier: Tier

    @property
    def name(self) -> str:
        return f"{self.batch.name} on {self.tier}"


@dataclass(frozen=True, slots=True)
class Ruled:
    """The rulings of one verifier; `failure` says why there are none, `notes` what could not be read."""

    rulings: tuple[Ruling, ...] = ()
    failure: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """All rulings in the order of the tiers, and what people should know about them."""

    rulings: tuple[Ruling, ...] = ()
    notes: tuple[str, ...] = ()
