"""Findings and files as the JSON documents of reviews and of runs tell them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from agentflow.domain.findings import Dropped, Lowered, ReviewedFinding, Why
from agentflow.domain.reviews import Skipped


def finding_entries(some: Iterable[ReviewedFinding]) -> list[dict[str, Any]]:
    return [finding_entry(reviewed) for reviewed in some]


def finding_entry(reviewed: ReviewedFinding) -> dict[str, Any]:
    """The fields as the reviewer gave them, and what became of the finding."""
    return {
        **asdict(reviewed.finding),
        "fingerprint": reviewed.fingerprint,
        "identity": reviewed.identity,
        "verified": reviewed.verified.value,
        "agreement": reviewed.agreement,
        "code": reviewed.code,
        **({"answer": asdict(reviewed.answer)} if reviewed.answer else {}),
    }


def dropped_entries(some: Iterable[Dropped], why: Why) -> list[dict[str, Any]]:
    """Those dropped for this reason: the fields as they were reported, the reason, who gave it, who speaks for it."""
    into = why is Why.MERGED
    return [
        {**asdict(one.finding), "reason": one.reason, "by": one.by, **({"into": one.into} if into else {})}
        for one in some
        if one.why is why
    ]


def lowered_entries(some: Iterable[Lowered]) -> list[dict[str, Any]]:
    return [asdict(one) for one in some]


def unread_entries(some: Iterable[Skipped]) -> list[dict[str, Any]]:
    """Files with the reason why they were not read."""
    return [asdict(one) for one in some]
