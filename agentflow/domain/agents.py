"""Agents: who may do what, starting on which tier, within which limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agentflow.domain.tiers import Tier


class Role(StrEnum):
    PLANNER = "planner"
    EXPLORER = "explorer"
    EXECUTOR = "executor"
    REVIEWER = "reviewer"
    SYNTHESIZER = "synthesizer"
    JUDGE = "judge"
    RESOLVER = "resolver"


#: agentflow's own tools: `explore` is answered by haiku explorers, the others do what Claude Code has no tool for.
OWN_TOOLS = ("explore", "delete", "move", "edit_text")
#: The tools an agent definition may name.
TOOLS = ("Read", "Grep", "Glob", "Edit", "Write", "NotebookEdit", "Bash", "WebFetch", *OWN_TOOLS)
WRITING_TOOLS = frozenset({"Edit", "Write", "NotebookEdit", "Bash", "delete", "move", "edit_text"})
_SCOPED_BASH = re.compile(r"Bash\((?P<prefix>[^()]+?)(?P<open>:\*)?\)")


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one session of the agent: model requests, USD, wall clock seconds."""

    max_turns: int = 30
    budget_usd: float = 0.50
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class BashRule:
    """One scoped Bash tool: `Bash(pytest:*)` allows any arguments, `Bash(make test)` only itself."""

    words: str
    any_arguments: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """A YAML definition: prompt, tier, tool allowlist, limits."""

    name: str
    description: str
    role: Role
    tier: Tier
    ladder: tuple[Tier, ...]
    tools: tuple[str, ...]
    prompt: str
    limits: Limits = Limits()
    effort: str | None = None
    version: int = 1
    source: str = "built-in"

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Tools without their scopes, each once, in the order given."""
        return tuple(dict.fromkeys(tool.partition("(")[0] for tool in self.tools))

    @property
    def bash_rules(self) -> tuple[BashRule, ...]:
        """The scoped Bash rules; empty when Bash is absent or free."""
        return tuple(
            BashRule(found["prefix"].strip(), found["open"] is not None)
            for tool in self.tools
            if (found := _SCOPED_BASH.fullmatch(tool))
        )

    @property
    def has_free_bash(self) -> bool:
        return "Bash" in self.tools

    @property
    def may_write(self) -> bool:
        return bool(WRITING_TOOLS & set(self.tool_names))
