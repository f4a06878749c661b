"""UserPromptSubmit: the day's money, told once at 80 % and once at 100 %; past the cap no prompt goes out."""

from __future__ import annotations

import time
from typing import Any

from agentflow.claude_code.reading import spent_today
from agentflow.claude_code.sessions import peek, session

#: Percent of the day's budget at which a session is told.
THRESHOLDS = (100, 80)


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | str | None:
    """A refusal past the cap, one line of context past a threshold, else None."""
    spent = spent_today()
    if spent is None:
        return None
    cap, budget = rules["day_cap_usd"], rules["day_budget_usd"]
    if cap is not None and spent >= cap:
        return {"decision": "block", "reason": _refusal(spent, cap)}
    passed = next((percent for percent in THRESHOLDS if budget and spent >= budget * percent / 100), None)
    if passed is None or not _is_news(event.get("session_id"), passed):
        return None
    return line(rules, spent)


def line(rules: dict[str, Any], spent: float | None) -> str | None:
    """What is spent and left of the day's budget; None where no budget is set or the ledger says nothing."""
    budget = rules["day_budget_usd"]
    if budget is None or spent is None:
        return None
    left = f"${budget - spent:.2f} left" if spent < budget else "nothing left"
    return f"agentflow: ${spent:.2f} of today's ${budget:.2f} budget spent, {left}"


def _refusal(spent: float, cap: float) -> str:
    return (
        f"agentflow: ${spent:.2f} spent today, past the cap of ${cap:.2f} a day. "
        "To go on, raise hooks.day_cap_usd in your agentflow configuration or wait for tomorrow."
    )


def _is_news(session_id: Any, percent: int) -> bool:
    """Whether this session was not told of this threshold or a higher one today; from now on it was."""
    told = f"budget told {time.strftime('%Y-%m-%d')}"
    if not isinstance(session_id, str) or peek(session_id).get(told, 0) >= percent:
        return not isinstance(session_id, str)
    with session(session_id) as state:
        known = state.get(told, 0)
        state[told] = max(known, percent)
    return bool(known < percent)
