"""What a session's tools may touch, decided by us and not by the CLI's goodwill.

`decide` is a function of its arguments and of the symlinks on disk. It refuses (`Denial`), vouches for a command
(`Allow`), or has no opinion (None), which leaves the call to the CLI's own permissions.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentflow.domain.agents import OWN_TOOLS, BashRule
from agentflow.models import file_tools
from agentflow.models.bash_guard import forbidden, unmatched
from agentflow.models.decoder import table, text
from agentflow.models.outputs import output_error, readable
from agentflow.models.path_guard import leaving_glob, own_place, unreadable, unwritable
from agentflow.models.session import Denial, SandboxMode, SessionRequest

_OWN = "mcp__agentflow__"
EXPLORE = f"{_OWN}explore"
STRUCTURED_OUTPUT = "StructuredOutput"
#: The argument that says what a tool call is about, by tool.
SUBJECTS = {
    **dict.fromkeys(("Read", "Edit", "Write"), "file_path"),
    "NotebookEdit": "notebook_path",
    **dict.fromkeys(("Grep", "Glob"), "pattern"),
    "Bash": "command",
    "WebFetch": "url",
    EXPLORE: "questions",
    **dict.fromkeys((f"{_OWN}{name}" for name in file_tools.TOOLS), "path"),
}


@dataclass(frozen=True, slots=True)
class Allow:
    """The call is fine, whatever the CLI would have asked. `instead`: the input that it is made with."""

    instead: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The limits of one session. `tools` are names without scopes; `free_bash` only ever holds inside a sandbox."""

    cwd: Path
    tools: frozenset[str]
    write_scope: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    bash_rules: tuple[BashRule, ...] = ()
    free_bash: bool = False
    schema: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, request: SessionRequest) -> GuardPolicy:
        agent = request.agent
        return cls(
            cwd=request.cwd.resolve(),
            tools=frozenset(agent.tool_names),
            write_scope=request.write_scope,
            commands=request.commands,
            bash_rules=agent.bash_rules,
            schema=request.schema,
            free_bash=agent.has_free_bash and request.sandbox is SandboxMode.SANDBOXED,
        )


def decide(tool: str, tool_input: object, policy: GuardPolicy) -> Denial | Allow | None:
    """Judge one tool call."""
    if tool == STRUCTURED_OUTPUT:
        return _unwrapped(tool_input, policy.schema)
    if not isinstance(tool_input, Mapping):
        return Denial(own_name(tool), "", "its input is no object")
    if own_name(tool) not in policy.tools:
        return denial(tool, tool_input, policy.cwd, "this agent does not have the tool")
    if tool == "Bash":
        return _judge_bash(tool_input, policy)
    reason = _path_reason(tool, tool_input, policy)
    return denial(tool, tool_input, policy.cwd, reason) if reason else _through_link(tool, tool_input, policy.cwd)


def _through_link(tool: str, tool_input: Mapping[str, Any], cwd: Path) -> Allow | None:
    """The same call on what a link leads to: Claude Code itself edits no links, and knows a file by the path read."""
    key = SUBJECTS.get(tool, "")
    named = tool_input.get(key)
    if tool not in {"Read", "Edit", "Write", "NotebookEdit"} or not isinstance(named, str):
        return None
    own = own_place(named, cwd)
    real = own.resolve()
    return Allow({**tool_input, key: str(real)}) if real != own else None


def _unwrapped(answer: object, schema: Mapping[str, Any]) -> Allow | None:
    """An answer that Claude Code would have given again, as the schema wants it."""
    if not schema or output_error(answer, schema) is None:
        return None
    found = readable(answer, schema)
    return Allow(found) if found is not None else None


def own_name(tool: str) -> str:
    """The design's name of a tool; other MCP servers' tools keep theirs, which no agent lists."""
    return tool.removeprefix(_OWN) if tool.removeprefix(_OWN) in OWN_TOOLS else tool


def subject(tool: str, tool_input: Mapping[str, Any], cwd: Path, length: int = 80) -> str:
    """What a tool call is about: one line of at most `length` characters, paths relative to `cwd`."""
    value = tool_input.get(SUBJECTS.get(tool, ""), "")
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    line = " ".join(text.replace(f"{cwd}/", "").split())
    return line if len(line) <= length else line[: length - 1] + "…"


def denial(tool: str, tool_input: Mapping[str, Any], cwd: Path, reason: str) -> Denial:
    """The record of a refused call."""
    return Denial(own_name(tool), subject(tool, tool_input, cwd, 400), reason)


def pre_tool_use(
    policy: GuardPolicy, denied: Callable[[Denial, str], None]
) -> Callable[[Any, str | None, Any], Awaitable[Any]]:
    """The guard as the SDK's PreToolUse callback; register it with `on_failure="block"`.

    `denied` is told every refusal and the id of the tool call.
    """

    async def judge(call: Any, tool_use: str | None, _context: Any) -> dict[str, Any]:
        given = table(call)
        verdict = decide(text(given.get("tool_name")), given.get("tool_input"), policy)
        if isinstance(verdict, Denial):
            denied(verdict, tool_use or "")
            return _answer("deny", f"agentflow: {verdict.reason}")
        if verdict is None:
            return {}
        answer = _answer("allow", "agentflow: the plan or the agent allows this command")
        if verdict.instead is not None:
            answer["hookSpecificOutput"]["updatedInput"] = dict(verdict.instead)
        return answer

    return judge


def _answer(decision: str, reason: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }


def _judge_bash(tool_input: Mapping[str, Any], policy: GuardPolicy) -> Denial | Allow | None:
    line = str(tool_input.get("command", ""))
    reason = _refused_mode(tool_input) or forbidden(line)
    unlisted = unmatched(line, policy.commands, policy.bash_rules)
    if reason is None and unlisted and policy.free_bash:
        return None
    if reason or unlisted:
        return denial("Bash", tool_input, policy.cwd, _with_advice(reason or unlisted or "", line, policy))
    return Allow()


def _with_advice(reason: str, line: str, policy: GuardPolicy) -> str:
    """The reason, and which of the agent's own tools does what the line would have done."""
    words = line.split()
    wanted = words[1] if words[:1] == ["git"] and len(words) > 1 else next(iter(words), "")
    tool = {"rm": "delete", "rmdir": "delete", "unlink": "delete", "mv": "move"}.get(wanted)
    return f"{reason}; the tool {tool} does this" if tool in policy.tools else reason


def _refused_mode(tool_input: Mapping[str, Any]) -> str | None:
    if tool_input.get("run_in_background"):
        return "background runs are not allowed"
    if tool_input.get("dangerouslyDisableSandbox"):
        return "the sandbox stays on"
    return None


def _unfetchable(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "only http and https addresses"
    return "only public addresses" if _is_local(parts.hostname) else None


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        labels = host.rstrip(".").split(".")
        return len(labels) == 1 or labels[-1] in {"localhost", "local", "internal"} or labels[-1].isdigit()


def _path_reason(tool: str, tool_input: Mapping[str, Any], policy: GuardPolicy) -> str | None:
    match tool:
        case "Edit" | "Write" | "NotebookEdit":
            return unwritable(str(tool_input.get(SUBJECTS[tool], "")), policy.cwd, policy.write_scope)
        case "Read":
            return unreadable(str(tool_input.get("file_path", "")), policy.cwd)
        case "Grep" | "Glob":
            glob = str(tool_input.get("pattern" if tool == "Glob" else "glob", ""))
            return unreadable(str(tool_input.get("path") or "."), policy.cwd) or leaving_glob(glob, policy.cwd)
        case "WebFetch":
            return _unfetchable(str(tool_input.get("url", "")))
        case _:
            own = own_name(tool)
            if own in file_tools.TOOLS:
                return file_tools.refusal(own, tool_input, policy.cwd, policy.write_scope)
            return None if tool == EXPLORE else "no rule covers this tool"
