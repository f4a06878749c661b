"""Source that nobody here wrote: the `inflection` package, with a bug of its own history, judged by its own examples."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path

import pytest

from agentflow.domain.events import EventKind

pytestmark = pytest.mark.cli

#: Its history calls it "Fixed transliterate on Python 3": bytes came out, and `parameterize` fell over them.
RIGHT = """\
    normalized = unicodedata.normalize('NFKD', string)
    return normalized.encode('ascii', 'ignore').decode('ascii')
"""
WRONG = """\
    return unicodedata.normalize('NFKD', string).encode('ascii', 'ignore')
"""
#: What looks right: text again, but with the `b''` in it; then without, but with a `?` for every accent.
LOOKS_RIGHT = """\
    return str(unicodedata.normalize('NFKD', string).encode('ascii', 'ignore'))
"""
LOOKS_RIGHT_TOO = """\
    return unicodedata.normalize('NFKD', string).encode('ascii', 'replace').decode('ascii')
"""
CHECK = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q --doctest-modules inflection"
BROKEN = {"inflection/__init__.py::inflection.parameterize", "inflection/__init__.py::inflection.transliterate"}
MODULE = "inflection/__init__.py"
DONE = {"status": "done", "summary": "transliterate gives text.", "confidence": 0.95, "blocked_reason": None}


def edit(old: str, new: str) -> dict:
    call = {"tool": "Edit", "input": {"file_path": f"{{cwd}}/{MODULE}", "old_string": old, "new_string": new}}
    return {"calls": [call]}


READ = {"calls": [{"tool": "Read", "input": {"file_path": f"{{cwd}}/{MODULE}"}}]}
PLAN = {
    "summary": "Make transliterate give text again.",
    "assumptions": [],
    "subtasks": [
        {
            "id": "transliterate",
            "title": "Give text from transliterate",
            "instructions": "transliterate returns bytes; the examples in its docstring want str.",
            "kind": "fix",
            "complexity": "simple",
            "agent": "execute",
            "depends_on": [],
            "files": [MODULE],
            "checks": [CHECK],
            "acceptance": [],
        }
    ],
}
SCENARIO = {
    "name": "inflection",
    "rules": [
        {"when": {"agent": "planner"}, "turns": [{"answer": PLAN}]},
        {"when": {"tier": "haiku", "round": 1}, "turns": [READ, edit(WRONG, LOOKS_RIGHT), {"answer": DONE}]},
        {"when": {"tier": "haiku", "round": 2}, "turns": [edit(LOOKS_RIGHT, LOOKS_RIGHT_TOO), {"answer": DONE}]},
        {"when": {"tier": "sonnet"}, "turns": [READ, edit(WRONG, RIGHT), {"answer": DONE}]},
    ],
}


def installed() -> dict[str, str]:
    """The package's files as its wheel brings them, its licence (MIT) among them."""
    wanted = [file for file in files("inflection") or () if file.parts[0] == "inflection" or file.name == "LICENSE"]
    return {
        "LICENSE" if file.name == "LICENSE" else str(file): Path(file.locate()).read_text(encoding="utf-8")
        for file in wanted
        if file.suffix != ".pyc"
    }


@pytest.mark.long
def test_a_real_bug_in_a_real_package_is_mended_on_the_second_tier(world, replay):
    package = installed()
    assert package[MODULE].count(RIGHT) == 1
    root = world.repository({**package, MODULE: package[MODULE].replace(RIGHT, WRONG)})
    server = replay(json.dumps(SCENARIO))
    goal = "transliterate gives bytes; make it give text, as its docstring says"
    ended = world.agentflow(root, "run", goal, "--check", CHECK, "--yes", "--json", replay=server)
    assert (ended.code, ended.json["status"], server.unmatched) == (0, "succeeded", [])

    first, second = ended.json["subtasks"][0]["attempts"]
    assert (first["tier"], first["outcome"], first["rounds"]) == ("haiku", "checks_failed", 2)
    assert (second["tier"], second["outcome"], second["rounds"]) == ("sonnet", "passed", 1)
    baseline = next(event for event in world.events() if event.kind is EventKind.BASELINE_FINISHED)
    assert [check["failed"] for check in baseline.data["checks"]] == [len(BROKEN)]
    with world.ledger() as ledger:
        proofs = [attempt.checks[0].tests for attempt in ledger.attempts(ended.json["run_id"])]
    assert set(proofs[0].failed) == {"inflection/__init__.py::inflection.transliterate"}
    assert set(proofs[1].passed) == {*proofs[0].passed, *proofs[0].failed}
    assert set(proofs[1].passed) >= BROKEN
    assert proofs[1].failed == ()
    told = next(request.last_text for request in server.requests if request.labels["tier"] == "sonnet")
    assert "inflection.transliterate" in told
    assert "'a?la?mo?lo?'" in told

    by_hand = world.folder / "by-hand"
    world.git(root, "worktree", "add", "-q", "--detach", str(by_hand), ended.json["branch"])
    command = [sys.executable, "-m", "doctest", MODULE]
    subprocess.run(command, cwd=by_hand, env=world.env, check=True)
    assert subprocess.run(command, cwd=root, env=world.env, check=False, capture_output=True).returncode == 1
    assert (by_hand / MODULE).read_text(encoding="utf-8") == package[MODULE]
