from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.config.agents import load_agents
from agentflow.config.claude_agents import INHERITED_TOOLS, dump_claude_agent, parse_claude_agent
from agentflow.domain.agents import Agent, Limits, Role
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

MINIMAL = "---\nname: code-reviewer\ndescription: Reviews code.\n---\n\nYou review code.\n"

EVERY_FIELD = """\
---
name: everything
description: |
  Use it for all.

  <example>Context: a user asks: "why?"</example>
tools: [Read, Grep, WebSearch, "mcp__github__get_issue", "Bash(git diff *)", TodoWrite]
disallowedTools: Grep, Write
model: claude-opus-4-5-20251101
permissionMode: acceptEdits
maxTurns: 40
effort: high
skills: [pdf, docs]
mcpServers:
  - github
  - local: {command: node, args: [server.js]}
hooks:
  PreToolUse:
    - matcher: Bash
      hooks: [{type: command, command: ./check.sh}]
memory: project
background: true
initialPrompt: Begin.
color: cyan
isolation: worktree
agentflow:
  role: executor
  ladder: [sonnet, opus]
  limits: {budget_usd: 0.6}
---
You are ...
"""


def error_in(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_claude_agent(text, "a.md").agent()
    return caught.value.message


def test_a_minimal_file_inherits_the_tools_that_work_on_a_worktree():
    agent = parse_claude_agent(MINIMAL, "a.md").agent()
    assert (agent.tools, agent.role, agent.tier, agent.prompt) == (
        INHERITED_TOOLS,
        Role.EXECUTOR,
        Tier.SONNET,
        "You review code.",
    )


def test_every_field_of_claude_code_is_accepted():
    agent = parse_claude_agent(EVERY_FIELD, "a.md").agent()
    assert agent.tools == ("Read", "Bash(git diff:*)")
    assert (agent.tier, agent.ladder, agent.effort) == (Tier.OPUS, (Tier.SONNET, Tier.OPUS), "high")
    assert agent.limits == Limits(max_turns=40, budget_usd=0.6)


@pytest.mark.parametrize("text", [MINIMAL, EVERY_FIELD])
def test_a_file_comes_back_with_every_field_it_had(text: str):
    first = parse_claude_agent(text, "a.md")
    second = parse_claude_agent(first.text(), "a.md")
    assert (second.document, second.prompt) == (first.document, first.prompt)
    assert second.text() == first.text()


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ("Read, Grep, Glob", ("Read", "Grep", "Glob")),
        ("[Read, Bash]", ("Read", "Bash")),
        ("Read, Bash(git diff:*), Bash(npm run test)", ("Read", "Bash(git diff:*)", "Bash(npm run test)")),
        ("Bash(*)", ("Bash",)),
        ("[]", ()),
        ("Task, NotebookEdit, LS, Read", ("NotebookEdit", "Read")),
    ],
)
def test_tools_may_be_a_comma_string_or_a_list(tools: str, expected: tuple[str, ...]):
    assert (
        parse_claude_agent(MINIMAL.replace("\n---\n\n", f"\ntools: {tools}\n---\n\n"), "a.md").agent().tools == expected
    )


def test_disallowed_tools_are_taken_from_the_inherited_ones():
    text = MINIMAL.replace("\n---\n\n", "\ndisallowedTools: [Edit, Write, Bash]\n---\n\n")
    agent = parse_claude_agent(text, "a.md").agent()
    assert (agent.tools, agent.role) == (("Read", "Grep", "Glob"), Role.EXPLORER)


@pytest.mark.parametrize("refused", ["Bash", "Bash(rm:*)", "Bash(git push *)"])
def test_a_tool_that_is_disallowed_in_part_is_not_given_at_all(refused: str):
    text = MINIMAL.replace("\n---\n\n", f"\ntools: Read, Bash, Bash(git:*)\ndisallowedTools: {refused}\n---\n\n")
    assert parse_claude_agent(text, "a.md").agent().tools == ("Read",)


def test_a_scope_that_agentflow_cannot_hold_a_worker_to_is_refused():
    assert "only Bash takes a scope" in error_in(MINIMAL.replace("\n---\n\n", "\ntools: Edit(src/**)\n---\n\n"))


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("haiku", Tier.HAIKU), ("sonnet", Tier.SONNET), ("opus", Tier.OPUS), ("fable", Tier.FABLE),
        ("inherit", Tier.SONNET), ("claude-haiku-5-5", Tier.HAIKU), ("sonnet[1m]", Tier.SONNET), ("opusplan", Tier.OPUS),
        ("us.anthropic.claude-opus-5-5-v1:0", Tier.OPUS),
    ],
)  # fmt: skip
def test_a_model_names_its_tier(model: str, tier: Tier):
    assert parse_claude_agent(MINIMAL.replace("\n---\n\n", f"\nmodel: {model}\n---\n\n"), "a.md").agent().tier is tier


def test_a_description_with_colons_and_no_quotes_loads_as_claude_code_loads_it():
    description = r'Use this agent when: tests fail.\n\n<example>user: "fix it" # now</example>'
    text = MINIMAL.replace("Reviews code.", description)
    assert parse_claude_agent(text, "a.md").agent().description == description


def test_windows_line_ends_are_fine():
    assert (
        parse_claude_agent(MINIMAL.replace("\n", "\r\n"), "a.md").agent() == parse_claude_agent(MINIMAL, "a.md").agent()
    )


def test_a_rule_in_the_prompt_does_not_end_the_front_matter_twice():
    assert parse_claude_agent(MINIMAL + "\n---\n\nMore.\n", "a.md").prompt == "You review code.\n\n---\n\nMore."


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("You review.\n", "a.md:1: no front matter"),
        ("---\nname: a-b\n", "a.md:1: no front matter"),
        (MINIMAL.replace("You review code.\n", ""), "the prompt below the front matter is empty"),
        (MINIMAL.replace("description:", "descripton:"), "a.md:3: descripton: unknown key; did you mean 'description'?"),
        (MINIMAL.replace("\n---\n\n", "\nmaxturns: 3\n---\n\n"), "a.md:4: maxturns: unknown key; did you mean 'maxTurns'?"),
        (MINIMAL.replace("\n---\n\n", "\ntools: Raed, Grep\n---\n\n"), "a.md:4: tools[0]: unknown tool 'Raed'; did you mean 'Read'?"),
        (MINIMAL.replace("\n---\n\n", "\nmodel: gpt-7\n---\n\n"), "a.md:4: model: 'gpt-7' belongs to no tier"),
        (MINIMAL.replace("\n---\n\n", "\nagentflow: {ladders: [opus]}\n---\n\n"), "agentflow.ladders: unknown key; did you mean 'ladder'?"),
        (MINIMAL.replace("\n---\n\n", "\nisolation: container\n---\n\n"), "isolation: 'container' is not one of worktree"),
        (MINIMAL.replace("code-reviewer", "Code Reviewer"), "a.md:2: name:"),
        (MINIMAL.replace("\n---\n\n", "\nagentflow: {role: judge}\n---\n\n"), "role 'judge' may not write"),
        ("---\nname: [\n---\nx", "a.md:"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_an_error_and_not_ignored(text: str, error: str):
    assert error in error_in(text)


@pytest.mark.parametrize("name", sorted(load_agents(None)))
def test_every_built_in_agent_survives_the_way_through_claude_codes_format(name: str):
    agent = load_agents(None)[name]
    back = parse_claude_agent(dump_claude_agent(agent), "built-in").agent()
    assert back == agent
    assert dump_claude_agent(back) == dump_claude_agent(agent)


def test_a_local_agent_inherits_its_model_in_claude_code():
    agent = replace(load_agents(None)["explore"], tier=Tier.LOCAL, ladder=(Tier.LOCAL,))
    text = dump_claude_agent(agent)
    assert "\nmodel: inherit\n" in text
    assert parse_claude_agent(text, "built-in").agent() == agent


prose = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1).filter(str.strip)


@settings(deadline=None)
@given(description=prose, prompt=prose)
def test_any_wording_survives_the_round_trip(description: str, prompt: str):
    agent = Agent(
        "some-agent", description.strip(), Role.JUDGE, Tier.OPUS, (Tier.OPUS,), (), prompt.strip(), source="a.md"
    )
    assert parse_claude_agent(dump_claude_agent(agent), "a.md").agent() == agent
