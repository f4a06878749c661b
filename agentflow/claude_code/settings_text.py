"""agentflow's hooks in the text of a `.claude/settings.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentflow.claude_code.json_text import Way, parsed, with_item, without_item
from agentflow.claude_code.shipped import HOOK
from agentflow.errors import UsageError

Hooks = Mapping[str, Sequence[Mapping[str, Any]]]

#: Ours, wherever the command lies and whatever starts it.
_OURS = re.compile(rf"(?:^|[\s/\"'=;&|(]){HOOK}(?=$|[\s\"';&|)])")


def with_hooks(text: str | None, hooks: Hooks, source: str) -> str:
    """The settings with these hooks, once each; those of another version go. None: there are no settings yet.

    Raises UsageError when it is not JSON, or has something else where hooks belong.
    """
    if text is None or not text.strip():
        return json.dumps({"hooks": hooks}, indent=2) + "\n"
    if _ours(_settings(text, source)) == _listed(hooks):
        return text
    text = without_hooks(text, source)
    for event, groups in hooks.items():
        for group in groups:
            text = _with_group(text, event, group, source)
    return text


def without_hooks(text: str, source: str) -> str:
    """The settings without any hook of ours, and without what that leaves empty. Raises UsageError as above."""
    while (way := next(_ways(_settings(text, source)), None)) is not None:
        text = without_item(text, way)
    return text


def hooked_events(text: str, source: str) -> frozenset[str]:
    """The events that a hook of ours is there for. Raises UsageError as above."""
    return frozenset(str(way[1]) for way in _each(_settings(text, source)))


def has_others(text: str, source: str, event: str, tools: Sequence[str]) -> bool:
    """Whether somebody else's hook answers this event for one of these tools. Raises UsageError as above."""
    groups = _settings(text, source).get("hooks", {}).get(event, ())
    fitting = (group for group in groups if any(_fits(str(group.get("matcher") or ""), tool) for tool in tools))
    return any(not _is_ours(hook) for group in fitting for hook in group["hooks"])


def _fits(matcher: str, tool: str) -> bool:
    """Whether Claude Code asks a group for this tool; one whose matcher cannot be read may be asked."""
    try:
        return matcher in ("", "*") or re.fullmatch(matcher, tool) is not None
    except re.error:
        return True


def _with_group(text: str, event: str, group: Mapping[str, Any], source: str) -> str:
    settings = _settings(text, source)
    if "hooks" not in settings:
        return with_item(text, ("hooks",), {event: [group]})
    if event not in settings["hooks"]:
        return with_item(text, ("hooks", event), [group])
    return with_item(text, ("hooks", event, len(settings["hooks"][event])), group)


def _ways(settings: Mapping[str, Any]) -> Iterator[Way]:
    """To each hook of ours, or to the largest thing that holds nothing else."""
    hooks = settings.get("hooks", {})
    for whole in _each(settings):
        _, event, i, _, _ = whole
        sizes = (len(hooks[event][i]["hooks"]), len(hooks[event]), len(hooks))
        yield whole[: next((length for size, length in zip(sizes, (5, 3, 2), strict=True) if size > 1), 1)]


def _each(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, int, str, int]]:
    for event, groups in settings.get("hooks", {}).items():
        for i, group in enumerate(groups):
            yield from (("hooks", event, i, "hooks", j) for j, hook in enumerate(group["hooks"]) if _is_ours(hook))


def _ours(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The groups that are ours alone, or hold a hook of ours beside others', in order."""
    return _listed(
        {
            event: [group for group in groups if any(map(_is_ours, group["hooks"]))]
            for event, groups in settings.get("hooks", {}).items()
        }
    )


def _listed(hooks: Hooks) -> list[tuple[str, str]]:
    return sorted((event, json.dumps(group, sort_keys=True)) for event, groups in hooks.items() for group in groups)


def _is_ours(hook: Any) -> bool:
    return isinstance(hook, dict) and _OURS.search(str(hook.get("command", ""))) is not None


def _settings(text: str, source: str) -> Mapping[str, Any]:
    """The parsed settings, with hooks of the right shape as far as they are looked at. Raises UsageError."""
    settings = parsed(text, source)
    if not isinstance(settings, dict):
        raise UsageError(f"{source}: settings must be an object")
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        raise UsageError(f"{source}: hooks must be an object")
    for event, groups in hooks.items():
        if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
            raise UsageError(f"{source}: hooks.{event} must be a list of groups, each with its hooks")
    return settings


def _is_group(group: Any) -> bool:
    return isinstance(group, dict) and isinstance(group.get("hooks"), list)
