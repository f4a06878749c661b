from __future__ import annotations

import pytest

from agentflow.config.agents import load_agents
from agentflow.domain.agents import Agent, Role
from agentflow.domain.tiers import Complexity, Tier
from agentflow.routing.ladder import judge_tier, ladder_for, next_rung

LOCAL, HAIKU, SONNET, OPUS, FABLE = Tier
SIMPLE, MEDIUM, COMPLEX = Complexity


def agent(*ladder: Tier) -> Agent:
    return Agent("a", "Works.", Role.EXECUTOR, ladder[0], ladder, (), "Work.")


@pytest.mark.parametrize(
    ("ladder", "complexity", "expected"),
    [
        ((HAIKU, SONNET, OPUS), SIMPLE, (HAIKU, SONNET, OPUS)),
        ((HAIKU, SONNET, OPUS), MEDIUM, (SONNET, OPUS)),
        ((HAIKU, SONNET, OPUS), COMPLEX, (OPUS,)),
        ((LOCAL, OPUS), SIMPLE, (OPUS,)),
        ((HAIKU,), COMPLEX, (HAIKU,)),
        ((HAIKU, SONNET), COMPLEX, (SONNET,)),
        ((OPUS, FABLE), SIMPLE, (OPUS, FABLE)),
    ],
)
def test_a_subtask_starts_where_its_complexity_says_and_stays_on_its_agents_ladder(ladder, complexity, expected):
    assert ladder_for(agent(*ladder), complexity) == expected


@pytest.mark.parametrize(("complexity", "start"), [(SIMPLE, HAIKU), (MEDIUM, SONNET), (COMPLEX, OPUS)])
def test_the_built_in_executor_follows_the_static_table(complexity, start):
    assert ladder_for(load_agents(None)["execute"], complexity)[0] is start


@pytest.mark.parametrize(
    ("tier", "expected"), [(HAIKU, OPUS), (SONNET, OPUS), (OPUS, None), (FABLE, None), (LOCAL, HAIKU)]
)
def test_the_next_rung_is_the_next_dearer_one_of_the_ladder(tier, expected):
    assert next_rung((HAIKU, OPUS), tier) is expected


@pytest.mark.parametrize(
    ("tier", "judge"), [(LOCAL, HAIKU), (HAIKU, SONNET), (SONNET, OPUS), (OPUS, FABLE), (FABLE, FABLE)]
)
def test_a_judge_stands_one_tier_above_the_work_and_on_the_top_beside_it(tier, judge):
    assert judge_tier(tier) is judge
