"""What agents are refused is told in full; the same thing three times is a wall, never the model's failure."""

from __future__ import annotations

import json

import pytest

from agentflow.models.path_guard import OTHER_ENCODING, OUTSIDE_SCOPE, OUTSIDE_WORKTREE
from agentflow.models.session import Denial
from agentflow.workflows.denials import told, wall_met

SCOPE = Denial("Edit", "a.py", f"{OUTSIDE_SCOPE}: src/**")
ENCODING = Denial("Edit", "b.py", f"{OTHER_ENCODING}; File is not valid UTF-8")
COMMAND = Denial("Bash", "ls", "only these commands may run: make")
CURL = Denial("Bash", "curl x", "curl is not allowed")
AGENT = Denial("Agent", "", "this agent does not have the tool")
WEB = Denial("WebFetch", "x", "this agent does not have the tool")
PLACE = Denial("Read", "/etc/passwd", OUTSIDE_WORKTREE)


@pytest.mark.parametrize("denial", [SCOPE, ENCODING, COMMAND, AGENT, PLACE], ids=lambda denial: denial.reason[:20])
def test_three_refusals_of_one_kind_are_a_wall(denial):
    assert wall_met([denial] * 3) == (denial,) * 3
    assert wall_met([denial] * 2) == ()


@pytest.mark.parametrize(
    ("denials", "met"),
    [
        ([COMMAND, CURL, COMMAND], 3),
        ([AGENT, WEB, AGENT], 0),
        ([SCOPE, ENCODING, COMMAND, AGENT, PLACE], 0),
        ([SCOPE, COMMAND, SCOPE, COMMAND, SCOPE], 3),
        ([Denial("Write", "c.py", "claude.md steers agents; the subtask's files must name it"), SCOPE, SCOPE], 3),
        ([], 0),
    ],
)
def test_only_like_refusals_add_up(denials, met):
    assert len(wall_met(denials)) == met


def test_like_refusals_are_told_together():
    other = Denial("Edit", "c.py", SCOPE.reason)
    assert told([SCOPE, COMMAND, other, SCOPE]) == (
        "Edit a.py, c.py: outside the subtask's files: src/**; Bash ls: only these commands may run: make"
    )


NOTEBOOK = {
    "cells": [{"cell_type": "code", "id": "a1", "source": ["x = 1\n"], "metadata": {}, "outputs": [], "execution_count": None}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}  # fmt: skip
LATIN = "# café\nVALUE = 1\n".encode("latin-1")


@pytest.fixture
def odd(world):
    """A repository with a legacy encoding, a notebook, links and files to delete and move."""
    files = {"AGENTS.md": "Be kind.\n", "n.ipynb": json.dumps(NOTEBOOK), "old.txt": "old\n", "here.txt": "move me\n"}
    root = world.repository(files)
    (root / "legacy.py").write_bytes(LATIN)
    (root / "crlf.txt").write_bytes(b"one\r\ntwo\r\n")
    (root / "CLAUDE.md").symlink_to("AGENTS.md")
    world.git(root, "add", "-A")
    world.git(root, "-c", "user.name=Ada", "-c", "user.email=a@b.c", "commit", "-qm", "Odd files")
    world.git(root, "config", "core.autocrlf", "input")
    world.git(root, "config", "core.safecrlf", "true")
    return root


def own(tool, **given):
    return {"tool": f"mcp__agentflow__{tool}", "input": given}


def native(tool, **given):
    return {"tool": tool, "input": given}


@pytest.mark.cli
def test_the_whole_job_is_done_without_a_sandbox_and_each_refusal_is_listed(world, odd, script, scene, plan_file):
    paths = {name: f"{{cwd}}/{name}" for name in ("n.ipynb", "CLAUDE.md", "new.txt")}
    calls = [
        native("Bash", command="rm old.txt"),
        own("delete", path="old.txt"),
        own("move", path="here.txt", to="there.txt"),
        own("edit_text", path="legacy.py", old="VALUE = 1", new="VALUE = 2"),
        native("Read", file_path=paths["n.ipynb"]),
        native("NotebookEdit", notebook_path=paths["n.ipynb"], cell_id="a1", new_source="x = 2\n"),
        native("Read", file_path=paths["CLAUDE.md"]),
        native("Edit", file_path=paths["CLAUDE.md"], old_string="Be kind.", new_string="Be kind and good."),
        native("Write", file_path=paths["new.txt"], content="one\r\ntwo\r\n"),
    ]
    fenced = f"All done:\n```json\n{json.dumps(script.done()['answer'])}\n```"
    check = "test ! -e old.txt && test -e there.txt && grep -aq 'VALUE = 2' legacy.py && grep -q good AGENTS.md"
    files = ["old.txt", "*here.txt", "legacy.py", "n.ipynb", "CLAUDE.md", "new.txt"]
    server = scene(
        script.rule("execute", *({"calls": [call]} for call in calls), {"say": fenced}, {"say": fenced}, subtask="odd")
    )
    plan = str(plan_file(script.plan(script.subtask("odd", files, [check]))))
    ended = world.agentflow(odd, "run", "--plan", plan, "--yes", "--json", "--sandbox", "off", replay=server)
    assert (ended.code, server.unmatched) == (0, []), ended.err
    (attempt,) = ended.json["subtasks"][0]["attempts"]
    assert attempt["outcome"] == "passed", attempt
    (refused,) = attempt["denials"]
    assert (refused["tool"], refused["argument"]) == ("Bash", "rm old.txt")
    assert refused["reason"].endswith("the tool delete does this")
    assert "refused Bash rm old.txt" in world.agentflow(odd, "runs", "show").out

    branch = ended.json["branch"]
    changed = world.git(odd, "diff", "--no-renames", "--name-status", f"main..{branch}").split("\n")
    assert changed == [
        "M\tAGENTS.md", "D\there.txt", "M\tlegacy.py", "M\tn.ipynb", "A\tnew.txt", "D\told.txt", "A\tthere.txt",
    ]  # fmt: skip
    world.git(odd, "checkout", "-q", branch)
    assert (odd / "legacy.py").read_bytes() == LATIN.replace(b"= 1", b"= 2")
    assert (odd / "CLAUDE.md").is_symlink()
    assert "Be kind." in server.requests[0].last_text
    assert '">\nAGENTS.md' not in server.requests[0].last_text


@pytest.mark.cli
@pytest.mark.long
def test_a_wall_is_named_asks_no_other_tier_and_a_lost_conversation_begins_afresh(world, odd, script, scene, plan_file):
    path = "{cwd}/legacy.py"
    read = native("Read", file_path=path)
    edit = native("Edit", file_path=path, old_string="VALUE = 1", new_string="VALUE = 2")
    lose = f"find '{world.folder}/state' -path '*projects*' -name '*.jsonl' -delete && grep -q good tea.txt"
    server = scene(
        script.rule(
            "execute", {"calls": [read, edit]}, {"calls": [edit, edit]}, script.done(), subtask="wall", times=2
        ),
        script.rule("execute", script.write("tea.txt", "bad\n"), script.done(), subtask="tea"),
        script.rule("execute", script.write("tea.txt", "good\n"), script.done(), subtask="tea", last="does not pass"),
    )
    wall = script.subtask("wall", ["legacy.py"], ["grep -aq 'VALUE = 2' legacy.py"], depends_on=["tea"])
    plan = str(plan_file(script.plan(script.subtask("tea", ["tea.txt"], [lose]), wall)))
    ended = world.agentflow(odd, "run", "--plan", plan, "--yes", "--json", "--sandbox", "off", replay=server)
    assert (ended.code, server.unmatched) == (1, []), ended.err
    tea, walled = ended.json["subtasks"]
    assert [(a["tier"], a["outcome"], a["rounds"]) for a in tea["attempts"]] == [("haiku", "passed", 2)]
    afresh = next(r for r in server.requests if "does not pass" in r.opening_text)
    assert "<subtask" in afresh.last_text

    assert (walled["status"], [(a["tier"], a["outcome"]) for a in walled["attempts"]]) == (
        "blocked",
        [("haiku", "wall")],
    )
    (attempt,) = walled["attempts"]
    assert "changed nothing; it was refused Edit legacy.py: it is not UTF-8" in attempt["reason"]
    assert "Edit legacy.py" in attempt["wall"]["refused"]
    assert len(attempt["denials"]) >= 3
    shown = world.agentflow(odd, "runs", "show").out
    assert "refused Edit legacy.py" in shown
    assert "haiku wall" in shown
