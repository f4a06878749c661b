"""The rules that hooks go by, from a file that is trusted for as long as nothing they came from has changed."""

from __future__ import annotations

import os

import agentflow
from agentflow.claude_code import places, plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The tools that the guard judges, and those that start a sub-agent.
GUARDED_TOOLS = ("Bash", "Edit", "MultiEdit", "NotebookEdit", "Write")
AGENT_TOOLS = ("Agent", "Task")
#: Those after which files may be different.
WRITING_TOOLS = GUARDED_TOOLS
#: Rises when the rules get another shape.
FORMAT = 4
#: Beginnings of the variables that rules depend on.
_VARIABLES = ("AGENTFLOW_", "CLAUDE_CONFIG_DIR", "HOME", "XDG_CONFIG_HOME")


def load(root: str | None) -> dict[str, Any]:
    """The rules for a session in this repository (None: outside of any), see `compiling.compile_rules`."""
    try:
        with open(path_of(root), "rb") as file:
            rules = plain_json.parsed_dict(file.read())
        if is_current(rules, root):
            return rules
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    from agentflow.claude_code.compiling import renew

    return renew(root)


def path_of(root: str | None) -> str:
    return os.path.join(places.hooks_dir(), "compiled", places.file_name(root or "") + ".json")


def is_current(rules: dict[str, Any], root: str | None) -> bool:
    """Whether the rules are about this repository and everything they came from is as it was."""
    return rules["made_for"] == made_for(root) and all(
        stamp(source) == seen for source, seen in rules["sources"].items()
    )


def made_for(root: str | None) -> list[Any]:
    """What else rules depend on: the repository, agentflow itself and the environment (as a checksum)."""
    from binascii import crc32

    settings = sorted(item for item in os.environ.items() if item[0].startswith(_VARIABLES))
    return [root, agentflow.__version__, FORMAT, crc32(repr(settings).encode("utf-8", "replace"))]


def stamp(path: str) -> list[int] | None:
    """What changes when a file or a folder does; None when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_size]
