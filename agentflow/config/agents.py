"""The agents of a run, in three layers: built in, the user's, the repository's. A repository may only narrow."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic.alias_generators import to_snake

import agentflow
from agentflow.config.agent_file import read_agent_file
from agentflow.config.claude_agents import read_claude_agent
from agentflow.config.paths import config_dir
from agentflow.config.validation import located
from agentflow.config.yaml import Document, Place
from agentflow.domain.agents import Agent, BashRule, Role
from agentflow.errors import UsageError

#: The built-in agent that bounds a new agent of its role.
_STANDARD = {
    Role.PLANNER: "planner",
    Role.EXPLORER: "explore",
    Role.EXECUTOR: "execute",
    Role.REVIEWER: "reviewer",
    Role.SYNTHESIZER: "synthesizer",
    Role.JUDGE: "judge",
    Role.RESOLVER: "resolver",
}
_LIMITS = ("max_turns", "budget_usd", "timeout_s")


def load_agents(repository: Path | None) -> dict[str, Agent]:
    """All agents by name; a later layer's agent replaces an earlier one of its name.

    Raises UsageError with every error of every file.
    """
    agents: dict[str, Agent] = {}
    errors: list[str] = []
    agents |= {agent.name: replace(agent, source="built-in") for agent, _ in _read_folder(built_in_agents(), errors)}
    agents |= {agent.name: agent for agent, _ in _read_folder(config_dir() / "agents", errors)}
    if repository is not None:
        agents |= _repository_agents(repository / ".agentflow" / "agents", agents, errors)
    if errors:
        raise UsageError("\n".join(errors))
    return agents


def read_agent(path: Path) -> tuple[Agent, Document]:
    """The agent in a file (`.md`: a Claude Code agent, else YAML) and the document it came from; raises UsageError."""
    return read_claude_agent(path) if path.suffix == ".md" else read_agent_file(path)


def validate_agents(paths: Iterable[Path]) -> list[Agent]:
    """The agents in these files; raises UsageError with every error of every file."""
    errors: list[str] = []
    loaded = [agent for agent, _ in _read_files(paths, errors)]
    if errors:
        raise UsageError("\n".join(errors))
    return loaded


def built_in_agents() -> Path:
    """The agents shipped with agentflow: inside the wheel, or at the top of a source checkout."""
    package = Path(agentflow.__file__).parent
    shipped = package / "agents"
    return shipped if shipped.is_dir() else package.parent / "agents"


def _read_folder(folder: Path, errors: list[str]) -> list[tuple[Agent, Document]]:
    return _read_files(sorted([*folder.glob("*.yaml"), *folder.glob("*.md")]), errors)


def _read_files(paths: Iterable[Path], errors: list[str]) -> list[tuple[Agent, Document]]:
    """The agents that could be read; what is wrong with the others goes to `errors`."""
    loaded: dict[str, tuple[Agent, Document]] = {}
    for path in paths:
        try:
            agent, document = read_agent(path)
        except UsageError as error:
            errors.append(error.message)
            continue
        if agent.name in loaded:
            first = loaded[agent.name][0].source
            errors.append(located(document, document.source, ("name",), f"{agent.name!r} is also defined in {first}"))
        loaded[agent.name] = agent, document
    return list(loaded.values())


def _repository_agents(folder: Path, lower: Mapping[str, Agent], errors: list[str]) -> dict[str, Agent]:
    own: dict[str, Agent] = {}
    for given, document in _read_folder(folder, errors):
        bound = lower.get(given.name) or lower[_STANDARD[given.role]]
        agent = _with_limits_of(bound, given, document)
        errors += _widenings(agent, document, bound)
        own[agent.name] = agent
    return own


def _with_limits_of(bound: Agent, agent: Agent, document: Document) -> Agent:
    """The agent, with each limit that its file does not state no higher than the bounding agent's."""
    stated = {to_snake(str(place[-1])) for place in document.lines if place}
    silent = [name for name in _LIMITS if name not in stated]
    lowered = {name: min(getattr(agent.limits, name), getattr(bound.limits, name)) for name in silent}
    return replace(agent, limits=replace(agent.limits, **lowered))


def _widenings(agent: Agent, document: Document, bound: Agent) -> Iterator[str]:
    """What a repository's agent may do beyond the agent that bounds it."""
    reason = f"a repository may only narrow {bound.name!r} ({bound.source}): "
    for place, text in (*_more_power(agent, bound), *_more_spending(agent, bound)):
        yield located(document, document.source, place, reason + text)


def _more_power(agent: Agent, bound: Agent) -> Iterator[tuple[Place, str]]:
    if agent.role is not bound.role:
        yield ("role",), f"its role is {bound.role.value!r}"
    for index, tool in enumerate(agent.tools):
        if not _covers(bound, tool):
            yield ("tools", index), f"it does not have {tool!r}"


def _more_spending(agent: Agent, bound: Agent) -> Iterator[tuple[Place, str]]:
    top = max(bound.ladder, key=lambda tier: tier.rank)
    if max(tier.rank for tier in agent.ladder) > top.rank:
        yield ("ladder",), f"its ladder ends at {top.value!r}"
    for limit in _LIMITS:
        allowed = getattr(bound.limits, limit)
        if getattr(agent.limits, limit) > allowed:
            yield ("limits", limit), f"its limit is {allowed:g}"


def _covers(bound: Agent, tool: str) -> bool:
    """Whether the bounding agent may do all that `tool` allows."""
    if tool in bound.tools or (tool.startswith("Bash(") and bound.has_free_bash):
        return True
    return tool.startswith("Bash(") and any(_is_within(tool, rule) for rule in bound.bash_rules)


def _is_within(scoped: str, rule: BashRule) -> bool:
    words = shlex.split(scoped.removeprefix("Bash(").removesuffix(")").removesuffix(":*"))
    outer = shlex.split(rule.words)
    return rule.any_arguments and words[: len(outer)] == outer
