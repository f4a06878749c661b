"""PreToolUse of a named agent: its tools and its scoped Bash rules, held by us and not by the CLI's goodwill.

In a person's own session no sandbox and no plan stand behind this: it refuses what the agent's definition does not
give, and leaves everything else to Claude Code's own permissions.
"""

from __future__ import annotations

import os
import shlex
from collections import namedtuple

from agentflow.claude_code.hook import denial
from agentflow.models.bash_guard import unmatched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A scoped Bash rule, as `domain.agents.BashRule`, which takes longer to import than a hook may.
_Rule = namedtuple("_Rule", ["words", "any_arguments"])  # noqa: PYI024  typing takes longer to import than a hook may
_WRITING = {"Edit": "Edit", "MultiEdit": "Edit", "NotebookEdit": "Edit", "Write": "Write"}


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    """A refusal, or no opinion."""
    # A plugin's agent has the plugin's name before its own.
    name = event["agent_type"].rpartition(":")[2]
    agent = rules["agents"].get(name)
    reason = refusal(event["tool_name"], event.get("tool_input") or {}, agent, event["cwd"]) if agent else None
    return denial(f"{name}: {reason}") if reason else None


def refusal(tool: str, given: dict[str, Any], agent: dict[str, Any], cwd: str) -> str | None:
    """Why the agent may not do this; None when its definition does not forbid it."""
    if tool == "Bash":
        return _bash(str(given.get("command", "")), agent)
    if _WRITING.get(tool, tool) not in agent["tools"]:
        return f"this agent does not have {tool}"
    return _path(str(given.get("file_path") or given.get("notebook_path") or ""), cwd)


def _bash(line: str, agent: dict[str, Any]) -> str | None:
    if agent["free_bash"]:
        return None
    if not agent["bash"]:
        return "this agent does not have Bash"
    scoped: list[Any] = [_Rule(shlex.join(words), any_arguments) for words, any_arguments in agent["bash"]]
    return unmatched(line, (), scoped)


def _path(named: str, cwd: str) -> str | None:
    """Symlinks of every parent followed: inside the repository, and never its `.git`."""
    from agentflow.claude_code.places import repository_root

    root = repository_root(cwd) or os.path.realpath(cwd)
    place = os.path.realpath(os.path.join(cwd, named))
    if not named or os.path.commonpath([root, place]) != root:
        return "the path is outside the repository"
    inside = os.path.relpath(place, root).casefold().split(os.sep)
    return "the .git folder is not the agent's" if ".git" in inside else None
