"""`agentflow-hook EVENT`: the entry point of agentflow's hooks in a person's own Claude Code session.

Claude Code starts it with the event as JSON on stdin and goes by what it prints. It reads the compiled rules, and only
when they have work for the event it imports a handler: a module of this folder with

    def handle(event: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any] | str | None

whose answer is printed, a dict as JSON. A hook must never break a session: whatever goes wrong is written to
`hooks/hook.log` in the state folder, and the session goes on. Only the guard's own errors deny.

It starts with every tool call, so nothing is imported here, nor in `compiled`, `places` and `plain_json`, that an empty
Python has not got already; `benchmarks/hooks.py` measures it.
"""

from __future__ import annotations

import os
import sys

from agentflow.claude_code import compiled, places, plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Answer = dict[str, Any] | str | None

#: Handlers whose own errors deny the tool call instead of letting it pass.
FAIL_CLOSED = ("guarding",)
#: What these print holds only figures, or the session's own words, and is waited for: no secret is looked for in it.
QUICK = ("PreToolUse", "statusline")
FAILED = "agentflow's guard failed; hooks/hook.log in its state folder says why"


def main() -> None:
    """The console script. It always ends with 0."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    event: dict[str, Any] = {}
    try:
        event = given()
        answer = statusline(event) if name == "statusline" else answered(name, event)
    except Exception as error:  # noqa: BLE001  a hook never breaks a session
        log(name, error)
        answer = denial(FAILED) if name == "PreToolUse" and is_guarded(event) else None
    if answer is not None:
        say(answer, is_quick=name in QUICK)


def given() -> dict[str, Any]:
    """The event; raises ValueError when stdin holds none."""
    return {} if sys.stdin is None or sys.stdin.isatty() else plain_json.parsed_dict(sys.stdin.buffer.read())


def statusline(event: dict[str, Any]) -> str:
    from agentflow.claude_code.statusline import line

    return line(event)


def answered(name: str, event: dict[str, Any]) -> Answer:
    """What the handlers with work for this event say together: the first decision, all notices, all the text."""
    root = places.project_root(event)
    rules = compiled.load(root)
    if rules["installed"] and "CLAUDE_PLUGIN_ROOT" in os.environ and name != "PreToolUse":
        return None  # the plugin's hook beside the project's own, which speaks; a guard may well deny twice
    work = rules["work"].get(name, ())
    answers = [ask(entry["module"], event, rules) for entry in work if concerns(entry, event)]
    return together(name, answers)


def together(name: str, answers: list[Answer]) -> Answer:
    """Notices are the person's and text is the model's, so that neither may keep the other back."""
    objects = [answer for answer in answers if isinstance(answer, dict)]
    text = "\n".join(answer for answer in answers if isinstance(answer, str))
    notices = [answer["systemMessage"] for answer in objects if "systemMessage" in answer]
    decision = next((answer for answer in objects if answer.keys() - {"systemMessage"}), {})
    if not objects:
        return text or None
    said = {"systemMessage": "\n".join(notices)} if notices else {}
    if text and not decision:
        decision = {"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}}
    return {**decision, **said}


def concerns(entry: dict[str, Any], event: dict[str, Any]) -> bool:
    """Whether a handler has anything to do with this tool and this agent."""
    if entry["tools"] is not None and event.get("tool_name") not in entry["tools"]:
        return False
    return not entry["named_agents"] or bool(event.get("agent_type"))


def ask(module: str, event: dict[str, Any], rules: dict[str, Any]) -> Answer:
    """One handler's answer; its own errors are logged and say nothing, those of a guard deny."""
    try:
        handler = getattr(__import__(f"agentflow.claude_code.{module}", fromlist=["handle"]), "handle")  # noqa: B009
        return handler(event, rules)  # type: ignore[no-any-return]
    except Exception as error:  # noqa: BLE001  a hook never breaks a session
        log(module, error)
        return denial(FAILED) if module in FAIL_CLOSED and is_held(event, rules) else None


def is_held(event: dict[str, Any], rules: dict[str, Any]) -> bool:
    """Whether the guard holds the agent of this event to its definition."""
    agent = rules["agents"].get(agent_of(event))
    return agent is not None and (agent["ours"] or rules["guard"] == "mine")


def agent_of(event: dict[str, Any]) -> str:
    """The agent's own name: a plugin's has the plugin's name before it."""
    return str(event.get("agent_type") or "").rpartition(":")[2]


def is_guarded(event: dict[str, Any]) -> bool:
    """Whether a guard may have had to say something here."""
    return bool(event.get("agent_type")) and event.get("tool_name") in compiled.GUARDED_TOOLS


def denial(reason: str) -> dict[str, Any]:
    """The answer by which Claude Code refuses a tool call and tells the model why."""
    decision = {"permissionDecision": "deny", "permissionDecisionReason": reason}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **decision}}


def say(answer: dict[str, Any] | str, *, is_quick: bool = False) -> None:
    """Print it, whatever the locale says; a reader that is gone is no error of the session's."""
    if isinstance(answer, dict):
        import json

        answer = json.dumps(answer)
    rest = f"{answer if is_quick else without_secrets(answer)}\n".encode("utf-8", "replace")
    try:
        while rest:
            rest = rest[os.write(1, rest) :]
    except OSError as error:
        log("answer", error)


def without_secrets(answer: str) -> str:
    from agentflow.config.secrecy import redact

    return redact(answer)


def log(where: str, error: Exception) -> None:
    from agentflow.claude_code.hook_log import write

    write(where, error)
