from __future__ import annotations

import pytest

from agentflow.domain.agents import Agent, BashRule, Role
from agentflow.domain.tiers import Tier


def agent(*tools: str) -> Agent:
    return Agent("a", "An agent.", Role.EXECUTOR, Tier.HAIKU, (Tier.HAIKU,), tools, "Do it.")


def test_tool_names_leave_scopes_out_and_stand_once():
    assert agent("Read", "Bash(pytest:*)", "Bash(make test)", "explore").tool_names == ("Read", "Bash", "explore")


def test_scoped_bash_becomes_rules():
    rules = agent("Read", "Bash(python -m pytest:*)", "Bash(make test)").bash_rules
    assert rules == (BashRule("python -m pytest", any_arguments=True), BashRule("make test", any_arguments=False))


@pytest.mark.parametrize(("tools", "free"), [(("Bash",), True), (("Bash(ls:*)",), False), (("Read",), False)])
def test_only_bare_bash_is_free(tools, free):
    assert agent(*tools).has_free_bash is free


@pytest.mark.parametrize(("tools", "writes"), [(("Edit",), True), (("Bash(ls:*)",), True), (("Read", "Grep"), False)])
def test_an_agent_may_write_with_edit_write_or_any_bash(tools, writes):
    assert agent(*tools).may_write is writes
