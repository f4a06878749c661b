"""Tiers, the rungs a subtask may climb."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """A rung: it names a model, an endpoint and its limits. Declared from cheap to dear."""

    LOCAL = "local"
    HAIKU = "haiku"
    SONNET = "sonnet"
    OPUS = "opus"
    FABLE = "fable"

    @property
    def rank(self) -> int:
        """Position on the ladder of all tiers, 0 for the cheapest."""
        return list(Tier).index(self)


class Complexity(StrEnum):
    """How hard the planner thinks a subtask is."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"
