"""Prices as this run uses them: the dated table, with the user's own on top."""

from __future__ import annotations

from collections.abc import Mapping

from agentflow.config.settings import Settings
from agentflow.domain.plans import Plan
from agentflow.domain.tiers import Tier
from agentflow.models.prices import ModelPrice, PriceTable
from agentflow.routing.estimate import Range, plan_range, session_range


def price_table(settings: Settings) -> PriceTable:
    return PriceTable({model: ModelPrice(**rates) for model, rates in settings.prices.items()})


def plan_estimate(plan: Plan, ladders: Mapping[str, tuple[Tier, ...]], settings: Settings) -> dict[str, Range]:
    """USD range per subtask id, from the tiers' models. A tier without a known price counts as 0 and is said so."""
    prices = price_table(settings)
    models = {tier: tier_settings.model for tier, tier_settings in settings.tiers.items() if tier_settings.model}
    sessions = {tier: session_range(model, (), prices.price) for tier, model in models.items()}
    return plan_range(plan, ladders, sessions)
