"""A plan of one subtask, and a model that carries it out as told: rightly, or by breaking what it touches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import PurePath
from typing import Any

from known import Known

from agentflow.replay.wire import escape_placeholders

#: How a module is made to fail for everybody who loads or builds it.
RAISES = {
    ".py": 'raise RuntimeError("broken")',
    ".js": 'throw new Error("broken")',
    ".ts": 'throw new Error("broken")',
    ".c": "#error broken",
    ".rs": 'compile_error!("broken");',
}
#: Files by path: as they are at the start, and as they have to become.
Versions = Mapping[str, tuple[str, str]]
DONE = {"status": "done", "summary": "Made the fix.", "confidence": 0.95, "blocked_reason": None}
APPROVED = {"approve": True, "reason": "It does what was asked.", "confidence": 0.95}


def plan(known: Known, checks: list[str]) -> str:
    """What a planner would write, as a file for `agentflow run --plan`."""
    promised = [known.check] if known.check else checks[:1]
    subtask = {
        "id": "fix",
        "title": "Make the fix",
        "instructions": f"Make the fix in {', '.join(known.files)}.",
        "kind": "fix",
        "complexity": "simple",
        "agent": "execute",
        "files": list(known.files),
        "checks": promised,
        "acceptance": ["the tests of the fix pass"],
    }
    return json.dumps({"summary": "Make the fix.", "subtasks": [subtask]})


def broken(right: Versions) -> dict[str, tuple[str, str]]:
    """The fix, in a module that raises as soon as it is loaded."""
    first = next(iter(right))
    base, fixed = right[first]
    return {**right, first: (base, f"{fixed.rstrip()}\n\n{RAISES[PurePath(first).suffix]}\n")}


def scenario(files: Versions) -> str:
    """An agent that makes these changes on every tier; a judge who approves of all, so that only checks refuse."""
    reads = [{"tool": "Read", "input": {"file_path": f"{{cwd}}/{path}", "limit": 20}} for path in files]
    turns = [{"calls": reads}, *({"calls": [call]} for call in _edits(files)), {"answer": DONE}]
    rules = [
        {"when": {"agent": "execute", "round": 1}, "times": "*", "turns": turns},
        {"when": {"agent": "execute"}, "times": "*", "turns": [{"answer": DONE}]},
        {"when": {"agent": "judge"}, "times": "*", "turns": [{"answer": APPROVED}]},
    ]
    return json.dumps({"name": "a real fix", "rules": rules})


def _edits(files: Versions) -> Iterator[dict[str, Any]]:
    """Calls of the Edit tool. (Write takes liberties with escapes and blanks anywhere in a file.)"""
    for path, (old, new) in files.items():
        for wrong, right in replacements(old, new):
            strings = {"old_string": escape_placeholders(wrong), "new_string": escape_placeholders(right)}
            yield {"tool": "Edit", "input": {"file_path": f"{{cwd}}/{path}", **strings}}


def replacements(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Pieces of a text, each found in it once, and what stands there afterwards; one after the other, from the end."""
    lines, wanted = old.splitlines(keepends=True), new.splitlines(keepends=True)
    changes = SequenceMatcher(None, lines, wanted, autojunk=False).get_opcodes()
    for kind, start, end, wanted_start, wanted_end in reversed(changes):
        if kind != "equal":
            first, last = start, end
            while first == last or "".join(lines).count("".join(lines[first:last])) != 1:
                first, last = max(first - 1, 0), min(last + 1, len(lines))
            put = wanted[wanted_start:wanted_end]
            yield "".join(lines[first:last]), "".join([*lines[first:start], *put, *lines[end:last]])
            lines[start:end] = put
