"""What agentflow brings into Claude Code: the files of the plugin, which `agentflow init` copies too."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

#: Below a repository's root, so that a command's name is the same as the plugin's: `/agentflow:run`.
COMMANDS_FOLDER = ".claude/commands/agentflow"
#: Where a project says which hooks it has.
SETTINGS = ".claude/settings.json"
#: How the command of every hook of ours begins.
HOOK = "agentflow-hook"

_PLUGIN = files("agentflow.claude_code") / "plugin"


def commands() -> dict[str, bytes]:
    """The slash commands' files by path below a repository's root."""
    found = sorted((_PLUGIN / "commands").iterdir(), key=lambda file: file.name)
    return {f"{COMMANDS_FOLDER}/{file.name}": file.read_bytes() for file in found if file.name.endswith(".md")}


def hooks() -> dict[str, list[dict[str, Any]]]:
    """Groups of hooks by event, in the shape of Claude Code's settings."""
    text = (_PLUGIN / "hooks" / "hooks.json").read_text(encoding="utf-8")
    groups: dict[str, list[dict[str, Any]]] = json.loads(text)["hooks"]
    return groups
