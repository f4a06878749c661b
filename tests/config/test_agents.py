from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from agentflow.config.agents import built_in_agents, load_agents, validate_agents
from agentflow.config.answers import AttemptAnswer, Citation, ExploreAnswer, JudgeAnswer, ResolveAnswer
from agentflow.config.plans import PlanDocument, SubtaskDocument
from agentflow.config.review_answers import (
    FindingAnswer,
    GroupAnswer,
    ReviewAnswer,
    SynthesisAnswer,
    VerdictAnswer,
    VerificationAnswer,
)
from agentflow.domain.agents import Role
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

NAMES = {
    "analyze",
    "architect",
    "execute",
    "explore",
    "judge",
    "planner",
    "resolver",
    "reviewer",
    "synthesizer",
    "verifier",
}
OUTPUTS = {
    Role.PLANNER: [*PlanDocument.model_fields, *SubtaskDocument.model_fields],
    Role.EXPLORER: [*ExploreAnswer.model_fields, *Citation.model_fields],
    Role.EXECUTOR: [*AttemptAnswer.model_fields],
    Role.JUDGE: [*JudgeAnswer.model_fields],
    Role.RESOLVER: [*ResolveAnswer.model_fields],
    Role.REVIEWER: [*ReviewAnswer.model_fields, *FindingAnswer.model_fields],
    Role.SYNTHESIZER: [*SynthesisAnswer.model_fields, *GroupAnswer.model_fields],
}
VERIFIER = [*VerificationAnswer.model_fields, *VerdictAnswer.model_fields]

EXECUTE = """\
name: execute
description: Ours.
role: executor
tier: sonnet
ladder: [haiku, sonnet]
tools: [Read, Edit, "Bash(pytest:*)"]
limits: {max_turns: 10, budget_usd: 0.5, timeout_s: 600}
prompt: Do it.
"""


def errors(repository: Path | None) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load_agents(repository)
    return caught.value.message.splitlines()


def test_all_built_in_agents_load():
    agents = load_agents(None)
    assert set(agents) == NAMES
    assert {agent.source for agent in agents.values()} == {"built-in"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_built_in_prompt_names_every_field_of_its_output_and_marks_untrusted_text(name: str):
    agent = load_agents(None)[name]
    fields = VERIFIER if name == "verifier" else OUTPUTS[agent.role]
    assert [field for field in fields if f"`{field}`" not in agent.prompt] == []
    assert '<untrusted source="…">…</untrusted>' in agent.prompt
    assert "never" in agent.prompt.rpartition("<untrusted")[2]
    assert len(agent.prompt.split()) <= 480


@pytest.mark.parametrize("path", sorted(built_in_agents().glob("*.yaml")), ids=lambda path: path.stem)
def test_a_built_in_file_is_named_after_its_agent_and_says_its_version(path: Path):
    assert re.match(rf"name: {path.stem}\nversion: [1-9]\d*\n", path.read_text())


def test_the_built_in_agents_have_the_tools_and_tiers_of_the_design():
    agents = load_agents(None)
    assert (agents["planner"].tier, agents["planner"].tools) == (Tier.OPUS, ("explore",))
    assert agents["explore"].tools == ("Read", "Grep", "Glob")
    assert agents["execute"].ladder == (Tier.HAIKU, Tier.SONNET, Tier.OPUS)
    assert {name for name, agent in agents.items() if agent.may_write} == {"execute", "architect", "resolver"}
    assert [agents[name].tools for name in ("judge", "reviewer", "synthesizer", "verifier")] == [()] * 4


def test_a_users_agent_replaces_a_built_in_one_and_may_widen_it(write):
    write(
        "user/agents/explore.yaml", EXECUTE.replace("execute", "explore").replace("[haiku, sonnet]", "[sonnet, fable]")
    )
    agent = load_agents(None)["explore"]
    assert (agent.role, agent.ladder) == (Role.EXECUTOR, (Tier.SONNET, Tier.FABLE))


def test_a_repository_may_narrow_an_agent(write, repository):
    path = write("repository/.agentflow/agents/execute.yaml", EXECUTE)
    agent = load_agents(repository)["execute"]
    assert (agent.description, agent.source) == ("Ours.", str(path))


def test_a_repository_may_add_an_agent_within_its_roles_bounds(write, repository):
    write("repository/.agentflow/agents/docs.yaml", EXECUTE.replace("name: execute", "name: docs-writer"))
    assert load_agents(repository)["docs-writer"].role is Role.EXECUTOR


@pytest.mark.parametrize("name", ["execute", "my-own"])
@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("[Read,", "[WebFetch,", "6: tools[0]: {}it does not have 'WebFetch'"),
        ("[haiku, sonnet]", "[haiku, sonnet, fable]", "5: ladder: {}its ladder ends at 'opus'"),
        ("max_turns: 10", "max_turns: 61", "7: limits.max_turns: {}its limit is 60"),
        ("budget_usd: 0.5", "budget_usd: 1.51", "7: limits.budget_usd: {}its limit is 1.5"),
        ("timeout_s: 600", "timeout_s: 1801", "7: limits.timeout_s: {}its limit is 1800"),
    ],
)
def test_a_repository_may_not_widen_an_agent(write, repository, name: str, old: str, new: str, error: str):
    text = EXECUTE.replace("name: execute", f"name: {name}").replace(old, new)
    path = write("repository/.agentflow/agents/a.yaml", text)
    reason = "a repository may only narrow 'execute' (built-in): "
    assert errors(repository) == [f"{path}:{error.format(reason)}"]


def test_a_repository_may_not_turn_a_reader_into_a_writer(write, repository):
    write("repository/.agentflow/agents/a.yaml", EXECUTE.replace("name: execute", "name: explore"))
    assert any("its role is 'explorer'" in error for error in errors(repository))


@pytest.mark.parametrize(
    ("users", "repositorys", "allowed"),
    [
        ("Bash(pytest:*)", "Bash(pytest -q tests)", True),
        ("Bash(pytest:*)", "Bash(pytest -q:*)", True),
        ("Bash(npm run:*)", "Bash(npm run test)", True),
        ("Bash(make test)", "Bash(make test)", True),
        ("Bash(pytest:*)", "Bash(pytest-x)", False),
        ("Bash(pytest -q:*)", "Bash(pytest:*)", False),
        ("Bash(make test)", "Bash(make test all)", False),
        ("Bash(make test)", "Bash(make test:*)", False),
        ("Bash(pytest:*)", "Bash", False),
        ("Bash", "Bash(anything:*)", True),
    ],
)
@pytest.mark.security("T9")
def test_a_repositorys_bash_scope_must_lie_within_the_users(
    write, repository, users: str, repositorys: str, allowed: bool
):
    write("user/agents/execute.yaml", EXECUTE.replace("Bash(pytest:*)", users))
    write("repository/.agentflow/agents/execute.yaml", EXECUTE.replace("Bash(pytest:*)", repositorys))
    if allowed:
        assert repositorys in load_agents(repository)["execute"].tools
    else:
        assert f"it does not have '{repositorys}'" in errors(repository)[0]


def test_a_repository_is_bounded_by_the_users_version_of_an_agent(write, repository):
    write("user/agents/execute.yaml", EXECUTE.replace("max_turns: 10", "max_turns: 5"))
    write("repository/.agentflow/agents/execute.yaml", EXECUTE)
    assert "its limit is 5" in errors(repository)[0]


def test_the_errors_of_all_files_come_at_once(write, repository):
    write("user/agents/a.yaml", "name: a-b\n")
    write("repository/.agentflow/agents/b.yaml", "nope: [")
    write("repository/.agentflow/agents/c.yaml", EXECUTE.replace("[Read,", "[WebFetch,"))
    found = "\n".join(errors(repository))
    assert "a.yaml:1: prompt: is required" in found
    assert "b.yaml" in found
    assert "c.yaml:6: tools[0]" in found


def test_two_files_of_one_folder_may_not_define_the_same_agent(write):
    write("user/agents/a.yaml", EXECUTE)
    write("user/agents/b.yaml", EXECUTE)
    assert "b.yaml:1: name: 'execute' is also defined in" in errors(None)[0]


def test_a_claude_code_file_in_an_agents_folder_is_an_agent(write, repository):
    write(
        "repository/.agentflow/agents/helper.md",
        "---\nname: helper\ndescription: Helps.\ntools: Read, Grep\n---\nHelp.\n",
    )
    agent = load_agents(repository)["helper"]
    assert (agent.role, agent.tools) == (Role.EXPLORER, ("Read", "Grep"))


def test_a_limit_that_a_repository_does_not_state_is_that_of_the_bounding_agent(write, repository):
    write(
        "repository/.agentflow/agents/a.md",
        "---\nname: helper\ndescription: Helps.\ntools: Read\nmaxTurns: 3\n---\nHelp.\n",
    )
    agents = load_agents(repository)
    assert agents["helper"].limits == replace(agents["explore"].limits, max_turns=3)


def test_files_can_be_validated_by_name(write):
    good, bad = write("x/good.yaml", EXECUTE), write("x/bad.yaml", EXECUTE.replace("Read", "Raed"))
    assert [agent.name for agent in validate_agents([good])] == ["execute"]
    with pytest.raises(UsageError, match=r"did you mean 'Read'\?"):
        validate_agents([good, bad])
