"""Claude Code's own agent files: `.claude/agents/*.md`, in unchanged and back out.

Every field Claude Code knows is accepted and kept. What agentflow needs beyond them stands under one key, `agentflow:`.
Misspelt fields, which Claude Code ignores, are errors here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agentflow.config.agent_file import (
    Effort,
    Name,
    Tool,
    checked_tool,
    default_ladder,
    default_tier,
    limits_data,
    refuse_contradictions,
)
from agentflow.config.validation import StrictModel, did_you_mean, validate
from agentflow.config.yaml import Document, dump_yaml, load_yaml, read_text
from agentflow.domain.agents import OWN_TOOLS, TOOLS, WRITING_TOOLS, Agent, Limits, Role
from agentflow.domain.tiers import Tier
from agentflow.errors import UsageError

#: What a file without `tools` inherits here: everything that works on the worktree, nothing that reaches the network.
INHERITED_TOOLS = ("Read", "Grep", "Glob", "Edit", "Write", "Bash")

#: Claude Code's other tools. A file may name them; agentflow's workers do not get them.
OTHER_TOOLS = (
    "Agent", "AskUserQuestion", "BashOutput", "EnterPlanMode", "ExitPlanMode", "KillShell", "LS", "LSP", "Monitor",
    "MultiEdit", "NotebookRead", "ReadMcpResourceTool", "ListMcpResourcesTool", "SendMessage", "Skill",
    "SlashCommand", "StructuredOutput", "Task", "TaskCreate", "TaskGet", "TaskList", "TaskOutput", "TaskStop",
    "TaskUpdate", "TodoRead", "TodoWrite", "ToolSearch", "WebSearch", "Workflow",
)  # fmt: skip

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?P<front>.*?\n)?---[ \t]*(?:\n(?P<body>.*))?", re.DOTALL)
_PLAIN_DESCRIPTION = re.compile(r"(?m)^description:[ \t]+(?P<text>[^\s\"'|>\[{].*)$")
_BETWEEN_TOOLS = re.compile(r",\s*(?![^()]*\))")


def _listed(value: Any) -> Any:
    """Claude Code takes `Read, Grep` as well as a list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in _BETWEEN_TOOLS.split(value) if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _known_tool(tool: str) -> str:
    """A tool of agentflow's or Claude Code's, scoped or not; raises ValueError on any other."""
    name = _name(tool)
    if name not in (*TOOLS, *OTHER_TOOLS) and not name.startswith("mcp__"):
        raise ValueError(f"unknown tool {name!r}" + did_you_mean(name, (*TOOLS, *OTHER_TOOLS)))
    return tool


def _usable_tool(tool: str) -> str:
    """A known tool; raises ValueError on a scope that agentflow cannot hold its workers to."""
    if _name(_known_tool(tool)) in TOOLS:
        checked_tool(_without_star(tool))
    return tool


UsableTools = Annotated[tuple[Annotated[str, AfterValidator(_usable_tool)], ...], BeforeValidator(_listed)]
KnownTools = Annotated[tuple[Annotated[str, AfterValidator(_known_tool)], ...], BeforeValidator(_listed)]


class _Limits(StrictModel):
    """What front matter has no field for."""

    budget_usd: float = Field(default=Limits().budget_usd, gt=0, allow_inf_nan=False)
    timeout_s: float = Field(default=Limits().timeout_s, gt=0, allow_inf_nan=False)


class AgentflowKeys(StrictModel):
    """The keys under `agentflow:`. `tools` replaces the front matter's list here; `tier` replaces its model."""

    role: Role | None = None
    tier: Tier | None = None
    ladder: tuple[Tier, ...] | None = None
    tools: tuple[Tool, ...] | None = None
    limits: _Limits = _Limits()
    version: int = Field(default=1, ge=1)


class FrontMatter(StrictModel):
    """Claude Code's fields, by its own names."""

    model_config = ConfigDict(alias_generator=to_camel)

    name: Name
    description: str = Field(min_length=1)
    tools: UsableTools | None = None
    disallowed_tools: KnownTools | None = None
    model: str | None = None
    permission_mode: Literal["default", "acceptEdits", "plan", "bypassPermissions", "dontAsk", "auto"] | None = None
    max_turns: int | None = Field(default=None, ge=1, le=1000)
    effort: Effort | None = None
    skills: Annotated[tuple[str, ...], BeforeValidator(_listed)] | None = None
    mcp_servers: Any = None
    hooks: dict[str, Any] | None = None
    memory: Literal["user", "project", "local"] | None = None
    background: bool | None = None
    initial_prompt: str | None = None
    color: str | None = None
    isolation: Literal["worktree"] | None = None
    agentflow: AgentflowKeys = AgentflowKeys()


@dataclass(frozen=True, slots=True)
class ClaudeAgent:
    """One `.md` file: its front matter as written, the same checked, and the prompt below it."""

    document: Document
    front: FrontMatter
    prompt: str

    def agent(self) -> Agent:
        """The domain's Agent; raises UsageError on a model of no tier and on fields that contradict each other."""
        front, own = self.front, self.front.agentflow
        tools = _allowed_tools(front)
        role = own.role or _likely_role(tools)
        tier = own.tier or _tier_of(self.document, front.model) or default_tier(role)
        agent = Agent(
            name=front.name,
            version=own.version,
            description=front.description.strip(),
            role=role,
            tier=tier,
            ladder=default_ladder(role, tier) if own.ladder is None else own.ladder,
            tools=tools,
            prompt=self.prompt,
            limits=Limits(front.max_turns or Limits().max_turns, own.limits.budget_usd, own.limits.timeout_s),
            effort=front.effort,
            source=self.document.source,
        )
        refuse_contradictions(agent, self.document)
        return agent

    def text(self) -> str:
        """The file again, every field kept."""
        return _markdown(self.document, self.prompt)


def parse_claude_agent(text: str, source: str) -> ClaudeAgent:
    """A Claude Code agent file; raises UsageError with every error when it is not one."""
    found = _FRONT_MATTER.fullmatch(text.replace("\r\n", "\n"))
    if not found:
        raise UsageError(f"{source}:1: no front matter; the file starts with --- and its fields, then --- again")
    document = _front_document("\n" + (found["front"] or ""), source)
    prompt = (found["body"] or "").strip()
    if not prompt:
        raise UsageError(f"{source}: the prompt below the front matter is empty")
    return ClaudeAgent(document, validate(FrontMatter, document, source), prompt)


def read_claude_agent(path: Path) -> tuple[Agent, Document]:
    """The agent in a `.md` file, and its front matter."""
    file = parse_claude_agent(read_text(path), str(path))
    return file.agent(), file.document


def dump_claude_agent(agent: Agent) -> str:
    """The agent as a Claude Code file that loads back as the same agent (but for its source)."""
    native = [tool for tool in agent.tools if tool not in OWN_TOOLS]
    limits = limits_data(agent.limits)
    own: dict[str, Any] = {
        "role": agent.role.value,
        "version": agent.version,
        **({"tier": agent.tier.value} if agent.tier is Tier.LOCAL else {}),
        "ladder": [tier.value for tier in agent.ladder],
        **({"tools": list(agent.tools)} if native != list(agent.tools) else {}),
        "limits": {"budget_usd": limits["budget_usd"], "timeout_s": limits["timeout_s"]},
    }
    front: dict[str, Any] = {
        "name": agent.name,
        "description": agent.description,
        "tools": native,
        "model": "inherit" if agent.tier is Tier.LOCAL else agent.tier.value,
        "maxTurns": agent.limits.max_turns,
        **({"effort": agent.effort} if agent.effort else {}),
        "agentflow": own,
    }
    return _markdown(front, agent.prompt)


def _markdown(front: dict[str, Any], prompt: str) -> str:
    return f"---\n{dump_yaml(front)}---\n\n{prompt}\n"


def _front_document(front: str, source: str) -> Document:
    """Front matter as Claude Code reads it: a description may hold `: ` without quotes."""
    try:
        return load_yaml(front, source)
    except UsageError:
        quoted = _PLAIN_DESCRIPTION.sub(lambda line: "description: " + json.dumps(line["text"].rstrip()), front)
        return load_yaml(quoted, source)


def _allowed_tools(front: FrontMatter) -> tuple[str, ...]:
    """The agent's tools that agentflow has, without those the file disallows, be it in part."""
    if front.agentflow.tools is not None:
        return front.agentflow.tools
    named = INHERITED_TOOLS if front.tools is None else map(_without_star, front.tools)
    refused = set(map(_name, front.disallowed_tools or ()))
    return tuple(tool for tool in named if _name(tool) in TOOLS and _name(tool) not in refused)


def _name(tool: str) -> str:
    return tool.partition("(")[0]


def _without_star(tool: str) -> str:
    """`Bash(git diff *)`, which Claude Code also takes, as `Bash(git diff:*)`; `Bash(*)` as `Bash`."""
    return "Bash" if tool in {"Bash(*)", "Bash(:*)"} else re.sub(r" \*\)$", ":*)", tool)


def _likely_role(tools: tuple[str, ...]) -> Role:
    return Role.EXECUTOR if WRITING_TOOLS & set(map(_name, tools)) else Role.EXPLORER


def _tier_of(document: Document, model: str | None) -> Tier | None:
    """The tier of an alias or a full model id; None where the file leaves the model open."""
    if model in {None, "", "inherit"}:
        return None
    families = [tier for tier in Tier if tier is not Tier.LOCAL]
    if found := next((tier for tier in families if tier.value in str(model).lower()), None):
        return found
    where = f"{document.source}:{document.line(('model',))}"
    raise UsageError(f"{where}: model: {model!r} belongs to no tier{did_you_mean(str(model), families)}")
