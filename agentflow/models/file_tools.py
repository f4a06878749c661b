"""What Claude Code has no tool for: delete, move, and edit files whose encoding its own tools refuse.

They run in this process, on the one worktree, within the same scope as Edit and Write.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentflow.config.reading import read_file
from agentflow.models.decoder import text
from agentflow.models.encodings import read, replaced
from agentflow.models.path_guard import own_place, unreadable, unremovable, unwritable

#: Characters of a file that one call shows.
_SHOWN = 60_000
_PATH = {"type": "string"}

#: By tool: what it is for, its fields, and those of them that must be given.
TOOLS: Mapping[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "delete": ("Delete a file, a link or a folder.", {"path": _PATH}, ("path",)),
    "move": ("Move or rename a file or folder. Nothing may be at `to`.", {"path": _PATH, "to": _PATH}, ("path", "to")),
    "edit_text": (
        "For files Edit refuses as not UTF-8: replaces `old`, found once, by `new`. Without `old` it shows the text.",
        {"path": _PATH, "old": {"type": "string"}, "new": {"type": "string"}, "encoding": {"type": "string"}},
        ("path",),
    ),
}
#: The field that names the file a tool writes.
WRITES = {"move": "to", "edit_text": "path"}


def refusal(tool: str, given: Mapping[str, Any], cwd: Path, scope: Sequence[str]) -> str | None:
    """Why a call may not be made; None when it may."""
    path, to = text(given.get("path")), text(given.get("to"))
    if tool == "edit_text":
        return unreadable(path, cwd) if not given.get("old") else unwritable(path, cwd, scope)
    if reason := unremovable(path, cwd, scope):
        return reason
    if tool == "delete":
        return None
    places = _moved(own_place(path, cwd), (cwd / to).resolve()) if to else ()
    refused = (unwritable(str(place), cwd, scope) for place in places)
    return next((reason for reason in refused if reason), None) if to else "no path is given"


def server_tools(cwd: Path, scope: Sequence[str], names: Sequence[str]) -> list[Any]:
    """The tools of these names for an MCP server of the SDK."""
    from claude_agent_sdk import SdkMcpTool

    def made(name: str) -> Any:
        async def run(given: dict[str, Any]) -> dict[str, Any]:
            return answer(name, given, cwd, scope)

        about, fields, required = TOOLS[name]
        schema = {"type": "object", "properties": fields, "required": list(required)}
        return SdkMcpTool(name=name, description=about, input_schema=schema, handler=run)

    return [made(name) for name in names if name in TOOLS]


def answer(tool: str, given: Mapping[str, Any], cwd: Path, scope: Sequence[str]) -> dict[str, Any]:
    """Do it, and say what was done; what cannot be done is a tool error the model can act on."""
    reason = refusal(tool, given, cwd, scope)
    try:
        said = "" if reason else _ACTS[tool](given, cwd)
    except (OSError, ValueError) as error:
        reason, said = str(error), ""
    return {"content": [{"type": "text", "text": reason or said}], "is_error": bool(reason)}


def _delete(given: Mapping[str, Any], cwd: Path) -> str:
    place = own_place(given["path"], cwd)
    shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    return f"{given['path']} is deleted"


def _move(given: Mapping[str, Any], cwd: Path) -> str:
    place, to = own_place(given["path"], cwd), cwd / given["to"]
    if os.path.lexists(to):
        raise ValueError(f"{given['to']} exists")
    place.lstat()
    to.parent.mkdir(parents=True, exist_ok=True)
    place.rename(to)
    return f"{given['path']} is {given['to']} now"


def _edit_text(given: Mapping[str, Any], cwd: Path) -> str:
    place, encoding, old = (cwd / given["path"]).resolve(), text(given.get("encoding")), text(given.get("old"))
    data = read_file(place)
    if not old:
        shown, encoding = read(data, encoding)
        return f"{given['path']} is {encoding}:\n{shown[:_SHOWN]}"
    place.write_bytes(replaced(data, old, text(given.get("new")), encoding))
    return f"{given['path']} is changed, in its own encoding"


_ACTS: Mapping[str, Callable[[Mapping[str, Any], Path], str]] = {
    "delete": _delete,
    "move": _move,
    "edit_text": _edit_text,
}


def _moved(place: Path, to: Path) -> list[Path]:
    """Where a file, or everything in a folder, would stand."""
    if not place.is_dir() or place.is_symlink():
        return [to]
    return [to / file.relative_to(place) for file in place.rglob("*") if file.is_symlink() or not file.is_dir()]
