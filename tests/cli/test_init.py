"""`agentflow init` as a command: what it shows, asks and prints. What it writes: tests/claude_code/test_installing.py."""

from __future__ import annotations

import json
import os
import pty

import jsonschema
import pytest

from agentflow.report.documents import schema

SETTINGS = '{\n  "model": "opus"\n}\n'


@pytest.fixture
def root(world):
    return world.repository({"a.py": "a = 1\n", ".claude/settings.json": SETTINGS})


def trusted(world):
    return json.loads((world.folder / "state" / "hooks" / "trusted.json").read_text())


def test_it_is_shown_first_and_without_a_terminal_the_flag_is_required(world, root):
    shown = world.agentflow(root, "init")

    assert shown.code == 4
    assert '+            "command": "agentflow-hook Stop || true",' in shown.err
    assert "agree in advance with --yes" in shown.err
    assert world.git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 130)])
def test_on_a_terminal_it_asks(world, root, answer, code):
    ours, theirs = pty.openpty()
    process = world.start(root, "init", stdin=theirs)
    os.write(ours, f"{answer}\n".encode())
    _, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert process.returncode == code, err
    assert "Do that? [y/N]" in err
    assert ("agentflow-hook" in (root / ".claude" / "settings.json").read_text()) is (answer == "y")


def test_in_and_out_again_and_nothing_to_do_in_between(world, root):
    first = world.agentflow(root, "init", "--yes")
    second = world.agentflow(root, "init")
    listed = trusted(world)
    out = world.agentflow(root, "init", "--uninstall", "--yes")
    again = world.agentflow(root, "init", "--uninstall")

    assert (first.code, second.code, out.code, again.code) == (0, 0, 0, 0)
    assert "/agentflow:run" in first.err
    assert second.err == again.err == "nothing to do\n"
    assert (listed, trusted(world)) == ([str(root.resolve())], [])
    assert world.git(root, "status", "--porcelain", "--ignored") == ""


def test_who_clones_a_repository_that_is_set_up_is_asked_for_trust_alone(world, root):
    world.agentflow(root, "init", "--yes")
    fresh = {"AGENTFLOW_STATE_DIR": str(world.folder / "another user")}
    asked = world.agentflow(root, "init", **fresh)
    agreed = world.agentflow(root, "init", "--yes", "--json", **fresh)

    assert asked.code == 4
    assert asked.err.startswith("\nYour sessions here will go by the `hooks:`")
    assert (agreed.json["trusted"], agreed.json["changes"]) == (True, [])


def test_a_subfolder_means_the_whole_repository(world, root):
    (root / "src").mkdir()
    world.agentflow(root / "src", "init", "--yes")

    assert (root / ".claude" / "commands" / "agentflow" / "run.md").exists()


def test_the_document_says_what_was_done(world, root):
    installed = world.agentflow(root, "init", "--yes", "--json").json
    (root / ".agentflow" / "config.yaml").write_text("budget_usd: 3\n")
    removed = world.agentflow(root, "init", "--uninstall", "--yes", "--json").json

    validator = jsonschema.Draft202012Validator(schema("init-1"))
    for document in (installed, removed):
        validator.validate(document)
        for key in schema("init-1")["required"]:
            assert not validator.is_valid({k: v for k, v in document.items() if k != key}), f"without {key}"
    assert (installed["trusted"], installed["hooks_cannot_start"]) == (True, None)
    assert {change["path"]: change["change"] for change in installed["changes"]}[".claude/settings.json"] == "changed"
    assert (removed["trusted"], removed["kept"]) == (False, [".agentflow/config.yaml"])


def test_outside_a_repository_and_on_broken_settings_it_says_so(world, root):
    (root / ".claude" / "settings.json").write_text("{\n  // mine\n}\n")
    outside = world.agentflow(world.folder, "init", "--yes", "--json")
    broken = world.agentflow(root, "init", "--yes")

    assert (outside.code, outside.json["error"]["kind"]) == (4, "environment")
    assert broken.code == 2
    assert ".claude/settings.json:2: not JSON" in broken.err
    assert world.git(root, "status", "--porcelain") == "M .claude/settings.json"


def no_hook(folder):
    """PATH without any agentflow-hook."""


def hook_of_a_python_that_is_gone(folder):
    (folder / "agentflow-hook").write_text("#!/nowhere at all/bin/python\n")


def hook_that_may_not_start(folder):
    (folder / "agentflow-hook").write_text("#!/bin/sh\n")
    (folder / "agentflow-hook").chmod(0o644)


def hook_without_its_package(folder):
    (folder / "agentflow-hook").write_text("#!/bin/sh\necho No module named agentflow >&2; exit 1\n")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (no_hook, "agentflow-hook is not on PATH; it is in "),
        (hook_of_a_python_that_is_gone, "not found"),
        (hook_that_may_not_start, "is not on PATH"),
        (hook_without_its_package, "No module named agentflow"),
    ],
)
def test_hooks_that_could_not_start_are_said_before_it_asks(world, root, make, why):
    tools = world.folder / "tools"
    tools.mkdir()
    make(tools)
    hook = tools / "agentflow-hook"
    if hook.exists() and make is not hook_that_may_not_start:
        hook.chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    asked, done = world.agentflow(root, "init", PATH=path), world.agentflow(root, "init", "--yes", "--json", PATH=path)

    assert (asked.code, done.code) == (4, 0)
    assert "warning: Claude Code will not be able to start the hooks: " in asked.err
    assert why in asked.err
    assert why in done.json["hooks_cannot_start"]
