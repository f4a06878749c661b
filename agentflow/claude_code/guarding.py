"""PreToolUse of a named agent: its tools and its scoped Bash rules, held by us and not by the CLI's goodwill.

In a person's own session no sandbox and no plan stand behind this: of agentflow's own agents it refuses what their
definitions do not give, and leaves everything else, other folders included, to Claude Code's own permissions. The
person's own agents it leaves in peace, unless `hooks.guard` says `notice` or `mine`.
"""

from __future__ import annotations

import os
import shlex
from collections import namedtuple

from agentflow.claude_code.hook import agent_of, denial, is_held
from agentflow.models.bash_guard import unmatched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A scoped Bash rule, as `domain.agents.BashRule`, which takes longer to import than a hook may.
_Rule = namedtuple("_Rule", ["words", "any_arguments"])  # noqa: PYI024  typing takes longer to import than a hook may
_WRITING = {"Edit": "Edit", "MultiEdit": "Edit", "NotebookEdit": "Edit", "Write": "Write"}


def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | None:
    """A refusal, a word about what would have been one, or no opinion."""
    name, is_ours_to_refuse = agent_of(event), is_held(event, rules)
    agent = rules["agents"].get(name)
    if agent is None or not (is_ours_to_refuse or rules["guard"] == "notice"):
        return None
    reason = refusal(event["tool_name"], event.get("tool_input") or {}, agent, event["cwd"])
    if reason is None:
        return None
    return denial(f"{name}: {reason}") if is_ours_to_refuse else _notice(event, f"{name}: {reason}")


def _notice(event: dict[str, Any], reason: str) -> dict[str, Any] | None:
    """What `guard: mine` would refuse, told once in a session."""
    from agentflow.claude_code.sessions import session
    from agentflow.domain.text import shown

    with session(str(event.get("session_id") or "")) as state:
        told = state.get("guard_told", [])
        if reason in told:
            return None
        state["guard_told"] = [*told, reason][-100:]
    return {"systemMessage": f"agentflow: with `guard: mine` this would be refused: {shown(reason)[:300]}"}


def refusal(tool: str, given: dict[str, Any], agent: dict[str, Any], cwd: str) -> str | None:
    """Why the agent may not do this; None when its definition does not forbid it."""
    if tool == "Bash":
        return _bash(str(given.get("command", "")), agent)
    if _WRITING.get(tool, tool) not in agent["tools"]:
        return f"this agent does not have {tool}"
    return _git_folder(str(given.get("file_path") or given.get("notebook_path") or ""), cwd)


def _bash(line: str, agent: dict[str, Any]) -> str | None:
    if agent["free_bash"]:
        return None
    if not agent["bash"]:
        return "this agent does not have Bash"
    scoped: list[Any] = [_Rule(shlex.join(words), any_arguments) for words, any_arguments in agent["bash"]]
    return unmatched(line, (), scoped)


def _git_folder(named: str, cwd: str) -> str | None:
    """Symlinks of every parent followed. Which folders may be written is Claude Code's to say."""
    from agentflow.claude_code.places import repository_root

    root = repository_root(cwd) or os.path.realpath(cwd)
    inside = os.path.relpath(os.path.realpath(os.path.join(cwd, named)), root).casefold().split(os.sep)
    return "the .git folder is not the agent's" if inside[0] != os.pardir and ".git" in inside else None
