"""An agent as its YAML file says it, and the domain's Agent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agentflow.config.validation import StrictModel, located, unknown, validate
from agentflow.config.yaml import Document, Place, dump_yaml, read_yaml
from agentflow.domain.agents import TOOLS, WRITING_TOOLS, Agent, Limits, Role
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

#: Only these work in a worktree of their own, so only these may change files.
WRITING_ROLES = frozenset({Role.EXECUTOR, Role.RESOLVER})

_LADDERS = {
    Role.PLANNER: (Tier.OPUS,),
    Role.EXPLORER: (Tier.HAIKU,),
    Role.EXECUTOR: (Tier.HAIKU, Tier.SONNET, Tier.OPUS),
    Role.REVIEWER: (Tier.HAIKU,),
    Role.SYNTHESIZER: (Tier.SONNET,),
    Role.JUDGE: (Tier.SONNET, Tier.OPUS, Tier.FABLE),
    Role.RESOLVER: (Tier.SONNET, Tier.OPUS),
}
_SHELL_SYNTAX = frozenset("\n;&|<>$`*?~{}[]\\")


def default_tier(role: Role) -> Tier:
    """Where the role starts when nobody says."""
    return Tier.SONNET if role is Role.EXECUTOR else _LADDERS[role][0]


def default_ladder(role: Role, tier: Tier) -> tuple[Tier, ...]:
    """The role's ladder; from a tier outside it, that tier and the rungs above."""
    ladder = _LADDERS[role]
    return ladder if tier in ladder else (tier, *(rung for rung in ladder if rung.rank > tier.rank))


def checked_tool(tool: str) -> str:
    """The tool as given; raises ValueError when agentflow has no such tool or a Bash scope cannot be matched."""
    name, _, scope = tool.partition("(")
    if name not in TOOLS:
        raise ValueError(unknown("tool", name, TOOLS))
    if scope and name != "Bash":
        raise ValueError(f"{tool!r}: only Bash takes a scope")
    if scope and not _is_plain_command(scope):
        raise ValueError(f"{tool!r} is no Bash scope; write Bash(words) or Bash(words:*), without shell syntax")
    return tool


Tool = Annotated[str, AfterValidator(checked_tool)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,49}$", description="3 to 50 of a-z, 0-9 and -")]
Effort = Literal["low", "medium", "high", "xhigh", "max"]


class LimitsFile(StrictModel):
    max_turns: int = Field(default=Limits().max_turns, ge=1, le=1000)
    budget_usd: float = Field(default=Limits().budget_usd, gt=0, allow_inf_nan=False)
    timeout_s: float = Field(default=Limits().timeout_s, gt=0, allow_inf_nan=False)


class AgentFile(StrictModel):
    """`agents/*.yaml`; the fields mean what they mean in the domain's Agent."""

    name: Name
    version: int = Field(default=1, ge=1)
    description: str = Field(min_length=1)
    role: Role
    tier: Tier
    ladder: tuple[Tier, ...] | None = None
    tools: tuple[Tool, ...] = ()
    limits: LimitsFile = LimitsFile()
    effort: Effort | None = None
    prompt: str = Field(min_length=1)

    def agent(self, document: Document) -> Agent:
        """The domain's Agent; raises UsageError on fields that contradict each other."""
        agent = Agent(
            name=self.name,
            version=self.version,
            description=self.description.strip(),
            role=self.role,
            tier=self.tier,
            ladder=default_ladder(self.role, self.tier) if self.ladder is None else self.ladder,
            tools=self.tools,
            prompt=self.prompt.strip(),
            limits=Limits(**self.limits.model_dump()),
            effort=self.effort,
            source=document.source,
        )
        refuse_contradictions(agent, document)
        return agent


def read_agent_file(path: Path) -> tuple[Agent, Document]:
    """The agent in a YAML file, and the document it came from."""
    document = read_yaml(path)
    return validate(AgentFile, document, document.source).agent(document), document


def dump_agent(agent: Agent) -> str:
    """The agent as a YAML file that loads back as the same agent (but for its source)."""
    data: dict[str, Any] = {
        "name": agent.name,
        "version": agent.version,
        "description": agent.description,
        "role": agent.role.value,
        "tier": agent.tier.value,
        "ladder": [tier.value for tier in agent.ladder],
        "tools": list(agent.tools),
        "limits": limits_data(agent.limits),
        **({"effort": agent.effort} if agent.effort else {}),
        "prompt": agent.prompt + "\n",
    }
    return dump_yaml(data)


def limits_data(limits: Limits) -> dict[str, float]:
    return {"max_turns": limits.max_turns, "budget_usd": limits.budget_usd, "timeout_s": limits.timeout_s}


def refuse_contradictions(agent: Agent, document: Document) -> None:
    """Raises UsageError when fields that are fine alone do not fit together."""
    if errors := [located(document, document.source, place, text) for place, text in _contradictions(agent)]:
        raise UsageError("\n".join(errors))


def _contradictions(agent: Agent) -> Iterator[tuple[Place, str]]:
    ranks = [tier.rank for tier in agent.ladder]
    if ranks != sorted(set(ranks)):
        yield ("ladder",), f"must climb, each tier once; tiers from cheap to dear: {', '.join(Tier)}"
    if agent.tier not in agent.ladder:
        yield ("tier",), f"{agent.tier.value!r} is not on the ladder"
    writing = [name for name in agent.tool_names if name in WRITING_TOOLS]
    if writing and agent.role not in WRITING_ROLES:
        yield ("tools",), f"role {agent.role.value!r} may not write, so it cannot have {', '.join(writing)}"
    if "explore" in agent.tools and agent.role is Role.EXPLORER:
        yield ("tools",), "an explorer answers `explore` and cannot call it"


def _is_plain_command(scope: str) -> bool:
    """Whether `words)` or `words:*)` is left of a scope, in words a guard can compare."""
    words = scope.removesuffix(")").removesuffix(":*")
    try:
        parsed = shlex.split(words)
    except ValueError:
        return False
    return scope.endswith(")") and bool(parsed) and not _SHELL_SYNTAX & set(words) and not set("()") & set(words)
