"""A plan of one subtask, and a model that carries it out as told: rightly, or by breaking what it touches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath

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


def broken(right: Mapping[str, str]) -> dict[str, str]:
    """The fix, in a module that raises as soon as it is loaded."""
    first = next(iter(right))
    return {**right, first: f"{right[first]}\n{RAISES[PurePath(first).suffix]}\n"}


def scenario(files: Mapping[str, str]) -> str:
    """An agent that writes these files on every tier; a judge who approves of all, so that only checks refuse."""
    reads = [{"tool": "Read", "input": {"file_path": _at(path), "limit": 20}} for path in files]
    texts = {_at(path): escape_placeholders(text) for path, text in files.items()}
    writes = [{"tool": "Write", "input": {"file_path": path, "content": text}} for path, text in texts.items()]
    turns = [{"calls": reads}, {"calls": writes}, {"answer": DONE}]
    rules = [
        {"when": {"agent": "execute", "round": 1}, "times": "*", "turns": turns},
        {"when": {"agent": "execute"}, "times": "*", "turns": [{"answer": DONE}]},
        {"when": {"agent": "judge"}, "times": "*", "turns": [{"answer": APPROVED}]},
    ]
    return json.dumps({"name": "a real fix", "rules": rules})


def _at(path: str) -> str:
    return f"{{cwd}}/{path}"
