"""Prices as this run uses them: the dated table, with the user's own on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agentflow.config.settings import Settings
from agentflow.domain.agents import Agent
from agentflow.domain.calls import CallKind
from agentflow.domain.plans import Plan
from agentflow.domain.reviews import Scope
from agentflow.domain.tiers import Tier
from agentflow.models.prices import ModelPrice, PriceTable
from agentflow.routing.estimate import Range, plan_range, review_range, session_range
from agentflow.store.ledger import Ledger

#: Costs of earlier sessions on a model, USD.
History = Callable[[str], Sequence[float]]


def price_table(settings: Settings) -> PriceTable:
    return PriceTable({model: ModelPrice(**rates) for model, rates in settings.prices.items()})


def plan_estimate(
    plan: Plan, ladders: Mapping[str, tuple[Tier, ...]], settings: Settings, history: History
) -> dict[str, Range]:
    """USD range per subtask id, by what executors on the tiers' models cost before, or else by the assumed sessions.

    A tier without a known price counts as 0.
    """
    prices = price_table(settings)
    models = {tier: tier_settings.model for tier, tier_settings in settings.tiers.items() if tier_settings.model}
    sessions = {tier: session_range(model, history(model), prices.price) for tier, model in models.items()}
    return plan_range(plan, ladders, sessions)


def review_estimate(scope: Scope, prefix: int, agents: Mapping[str, Agent], settings: Settings) -> Range | None:
    """USD range of a review whose reviewers share `prefix` tokens; None when a model has no known price."""
    finder, verifier = (settings.tiers[agents[name].tier].model for name in ("reviewer", "verifier"))
    if finder is None or verifier is None:
        return None
    return review_range([pack.tokens for pack in scope.packs], prefix, (finder, verifier), price_table(settings).price)


def history_of(ledger: Ledger | None) -> History:
    """The costs of executor sessions by model, as a ledger knows them; without a ledger nothing is known."""
    return lambda model: ledger.session_costs(CallKind.EXECUTE, model) if ledger else ()
