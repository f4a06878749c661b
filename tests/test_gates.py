"""What no code of the package may do but in the one place for it, read from its sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import agentflow

PACKAGE = Path(agentflow.__file__).parent
#: Who speaks to a terminal or a reader, and how that is made safe.
SPEAKERS = {
    "report/term.py": "the one place that prints",
    "report/streams.py": "what becomes of the streams",
    "report/live.py": "draws lines that report/rows.py has made safe",
    "claude_code/hook.py": "answers Claude Code in JSON, and a status line",
    "checks/shim/agentflow_seal.py": "flushes the streams of the user's own test run",
}
#: Who writes files otherwise than by `config/machine.py` or the hooks' `places.private`, and why it may.
WRITERS = {
    "config/machine.py": "is the place",
    "checks/shim": "runs in the user's interpreter and writes into the report's folder alone",
    "checks/probe.py": "tries the sandbox in a folder just made",
    "checks/sandbox.py": "likewise",
    "checks/virtualenvs.py": "makes what is to be run",
    "checks/runners": "prepares the folder of a check's report before the check starts",
    "cli/review_report.py": "a report that the user asked for, by the user's umask",
    "cli/plan.py": "likewise a plan",
    "cli/agents.py": "likewise an agent's definition",
    "replay/demo/repository.py": "the demo's own repository",
    "replay/record.py": "a recording that the user asked for",
    "replay/server.py": "likewise its log",
    "config/secrecy.py": "rewrites a log in place",
    "git": "git's own files, in a git directory or a worktree",
    "models/file_tools.py": "an agent's edit of a worktree's file, already judged",
    "workflows/reviewing/opening.py": "a commit's files in a folder just made",
    "claude_code/changes.py": "the user's own settings, replaced in one step",
}
MODES = set("wax+")


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE).as_posix(), node


def is_allowed(file: str, places: dict[str, str]) -> bool:
    return any(file == place or file.startswith(f"{place}/") for place in places)


def prints(call: ast.Call) -> bool:
    """Whether it may bring a text to a screen."""
    match call.func:
        case ast.Name("print" | "Console" | "Live") | ast.Attribute(_, "from_markup" | "from_ansi" | "print_exception"):
            return True
        case ast.Attribute(_, "print" | "secho" | "print_exc" | "print_json" | "render_markup" | "StreamHandler"):
            return not (isinstance(call.func.value, ast.Name) and call.func.value.id == "logging")
        case ast.Attribute(ast.Name("os"), "write"):
            return True
        case ast.Attribute(ast.Attribute(ast.Name("sys"), "stdout" | "stderr" | "__stdout__" | "__stderr__"), _):
            return True
        case ast.Attribute(ast.Name("typer"), "echo" | "confirm" | "prompt"):
            return not is_safe(call.args[0])
    return False


def is_safe(said: ast.expr) -> bool:
    match said:
        case ast.Constant():
            return True
        case ast.Call(ast.Name("safe") | ast.Attribute(_, "safe")):
            return True
    return False


def writes(call: ast.Call) -> bool:
    """Whether it opens a file for writing by its name, in a way that follows symlinks and obeys the umask."""
    if any(word.arg == "opener" for word in call.keywords):
        return False
    match call.func:
        case ast.Attribute(_, "write_text" | "write_bytes" | "touch" | "FileHandler"):
            return True
        case ast.Name("open"):
            given = call.args[1:2]
        case ast.Attribute(_, "open"):
            given = call.args[:1]
        case _:
            return False
    given += [word.value for word in call.keywords if word.arg == "mode"]
    return any(
        isinstance(mode, ast.Constant) and MODES & set(str(mode.value)) and len(str(mode.value)) < 4 for mode in given
    )


@pytest.mark.parametrize(("act", "places"), [(prints, SPEAKERS), (writes, WRITERS)], ids=["printing", "writing"])
def test_only_the_places_for_it_do_it(act, places):
    outside = [f"{file}:{call.lineno}" for file, call in calls() if act(call) and not is_allowed(file, places)]
    assert outside == []


@pytest.mark.parametrize(
    ("act", "source"),
    [
        (prints, "print(x)"),
        (prints, "typer.echo(f'{x}')"),
        (prints, "console.print(x)"),
        (prints, "sys.stderr.write(x)"),
        (writes, "open(x, 'w')"),
        (writes, "path.open(mode='ab')"),
        (writes, "path.write_text(x)"),
        (writes, "logging.FileHandler(x)"),
    ],
)
def test_a_slip_would_be_noticed(act, source):
    (call, *_) = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    assert act(call)
