from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.config.agent_file import AgentFile, default_ladder, dump_agent, read_agent_file
from agentflow.config.validation import validate
from agentflow.config.yaml import load_yaml
from agentflow.domain.agents import Agent, BashRule, Limits, Role
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

SMALL = """\
name: fixer
description: Fixes things.
role: executor
tier: sonnet
tools: [Read, Edit, "Bash(pytest:*)", explore]
limits: {max_turns: 5}
prompt: |
  Fix it.
"""


def agent_in(text: str) -> Agent:
    document = load_yaml(text, "a.yaml")
    return validate(AgentFile, document, "a.yaml").agent(document)


def error_in(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        agent_in(text)
    return caught.value.message


def test_a_file_becomes_an_agent_with_the_defaults_of_its_role():
    agent = agent_in(SMALL)
    assert (agent.role, agent.tier, agent.ladder) == (Role.EXECUTOR, Tier.SONNET, (Tier.HAIKU, Tier.SONNET, Tier.OPUS))
    assert agent.limits == Limits(max_turns=5)
    assert agent.bash_rules == (BashRule("pytest", any_arguments=True),)
    assert (agent.prompt, agent.source, agent.version) == ("Fix it.", "a.yaml", 1)


@pytest.mark.parametrize(
    ("role", "tier", "ladder"),
    [
        (Role.EXECUTOR, Tier.LOCAL, (Tier.LOCAL, Tier.HAIKU, Tier.SONNET, Tier.OPUS)),
        (Role.EXECUTOR, Tier.FABLE, (Tier.FABLE,)),
        (Role.RESOLVER, Tier.SONNET, (Tier.SONNET, Tier.OPUS)),
        (Role.EXPLORER, Tier.HAIKU, (Tier.HAIKU,)),
        (Role.EXPLORER, Tier.SONNET, (Tier.SONNET,)),
    ],
)
def test_a_tier_outside_the_roles_ladder_starts_below_or_above_it(role: Role, tier: Tier, ladder: tuple[Tier, ...]):
    assert default_ladder(role, tier) == ladder


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("tools: [Read,", "tools: [Raed,", "a.yaml:5: tools[0]: unknown tool 'Raed'; did you mean 'Read'?"),
        (
            "tier: sonnet",
            "tier: sonet",
            "a.yaml:4: tier: 'sonet' is not one of local, haiku, sonnet, opus, fable; did you mean 'sonnet'?",
        ),
        ("tier: sonnet", "tier: sonnet\nladder: [haiku, opsu]", "a.yaml:5: ladder[1]: 'opsu' is not one of"),
        ("tier: sonnet", "tier: sonnet\nladder: [opus, sonnet]", "a.yaml:5: ladder: must climb"),
        ("tier: sonnet", "tier: sonnet\nladder: [haiku, opus]", "a.yaml:4: tier: 'sonnet' is not on the ladder"),
        ("tier: sonnet", "tier: sonnet\nladder: []", "a.yaml:4: tier: 'sonnet' is not on the ladder"),
        ("role: executor", "role: excutor", "did you mean 'executor'?"),
        ("role: executor", "role: judge", "a.yaml:5: tools: role 'judge' may not write, so it cannot have Edit, Bash"),
        ("role: executor", "rôle: executor", "a.yaml:3: rôle: unknown key; did you mean 'role'?"),
        ("max_turns", "max_turn", "a.yaml:6: limits.max_turn: unknown key; did you mean 'max_turns'?"),
        ("max_turns: 5", "max_turns: 0", "a.yaml:6: limits.max_turns: should be greater than or equal to 1"),
        ("max_turns: 5", "budget_usd: -1", "a.yaml:6: limits.budget_usd: should be greater than 0"),
        ("name: fixer", "name: Fixer", "a.yaml:1: name:"),
        ("name: fixer", "name: on", "a.yaml:1: name:"),
        ("name: fixer", "name: 123", "a.yaml:1: name: should be a valid string; quote it"),
        ("role: executor", "role: executor\neffort: hihg", "did you mean 'high'?"),
        ("  Fix it.", "", "prompt:"),
    ],
)
def test_a_wrong_definition_is_an_error_with_its_line(old: str, new: str, error: str):
    assert error in error_in(SMALL.replace(old, new))


@pytest.mark.parametrize(
    "tool", ["Bash()", "Bash(:*)", "Bash(*)", "Bash(pytest", "Bash(a; b)", "Bash(a | b:*)", "Bash($(x))", "Bash(a > b)",
             "Bash(git *)", "Bash('a)", "Bash(a\\nb)", "Edit(src/**)", "Read(x)", "bash", "Agent", "mcp__x__y"]
)  # fmt: skip
def test_a_tool_that_no_guard_could_match_is_refused(tool: str):
    assert "a.yaml:5: tools[0]" in error_in(SMALL.replace("tools: [Read,", f'tools: ["{tool}",'))


@pytest.mark.parametrize(
    "tool", ["Bash(pytest:*)", "Bash(make test)", "Bash(npm run test:*)", "Bash(python -m pytest)", "Bash"]
)
def test_a_plain_command_is_a_scope(tool: str):
    assert tool in agent_in(SMALL.replace("tools: [Read,", f'tools: ["{tool}",')).tools


def test_an_explorer_cannot_ask_explorers():
    text = SMALL.replace("role: executor", "role: explorer").replace(
        'Read, Edit, "Bash(pytest:*)", explore', "Read, explore"
    )
    assert "cannot call it" in error_in(text)


def test_every_contradiction_is_listed_at_once():
    text = SMALL.replace("executor", "judge").replace("tier: sonnet", "tier: sonnet\nladder: [opus, haiku]")
    assert len(error_in(text).splitlines()) == 3


def test_a_dumped_agent_loads_back_as_the_same_agent(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(dump_agent(agent_in(SMALL)))
    agent, _ = read_agent_file(path)
    assert replace(agent, source="a.yaml") == agent_in(SMALL)


prose = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1).filter(str.strip)


@settings(deadline=None)
@given(description=prose, prompt=prose)
def test_any_wording_survives_the_round_trip(description: str, prompt: str):
    agent = Agent(
        "some-agent", description.strip(), Role.JUDGE, Tier.OPUS, (Tier.OPUS,), (), prompt.strip(), source="a.yaml"
    )
    assert agent_in(dump_agent(agent)) == agent
