from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agentflow.claude_code import compiled
from agentflow.config.trust import trust


@pytest.fixture(autouse=True)
def user(monkeypatch, world):
    for name in ("AGENTFLOW_STATE_DIR", "AGENTFLOW_CONFIG_DIR", "HOME"):
        monkeypatch.setenv(name, world.env[name])
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(world.folder / "claude"))


@pytest.fixture
def root(world):
    root = world.repository({"a.txt": "a\n"})
    for folder in (world.folder / "config", root / ".agentflow", root / ".claude" / "agents"):
        folder.mkdir(parents=True)
    (root / ".claude" / "agents" / "tester.md").write_text(
        "---\nname: tester\ndescription: T.\ntools: Read\n---\n\nT.\n"
    )
    return root


def is_current(root):
    """Whether the rules on disk still hold."""
    return compiled.is_current(json.loads(Path(compiled.path_of(str(root))).read_text()), str(root))


def test_rules_are_read_back_as_they_were_compiled(root):
    first = compiled.load(str(root))

    assert is_current(root)
    assert json.loads(json.dumps(first)) == compiled.load(str(root))


def test_rules_hold_as_long_as_nothing_changes(root):
    compiled.load(str(root))
    before = Path(compiled.path_of(str(root))).stat().st_ino
    compiled.load(str(root))

    assert Path(compiled.path_of(str(root))).stat().st_ino == before


CHANGES = {
    "the user's configuration appears": lambda world, root: (world.folder / "config" / "config.yaml").write_text("{}"),
    "the repository's appears": lambda world, root: (root / ".agentflow" / "config.yaml").write_text("{}"),
    "an agent appears": lambda world, root: (root / ".claude" / "agents" / "new.md").write_text("x"),
    "an agent changes": lambda world, root: (root / ".claude" / "agents" / "tester.md").write_text("x"),
    "an agent is deleted": lambda world, root: (root / ".claude" / "agents" / "tester.md").unlink(),
    "a folder of agents appears": lambda world, root: (root / ".agentflow" / "agents").mkdir(),
    "the user's agents appear": lambda world, root: (world.folder / "claude" / "agents").mkdir(parents=True),
    "the repository is trusted": lambda world, root: trust(root),
    "a variable is set": lambda world, root: os.environ.update(AGENTFLOW_HOOKS_ROUTER="on"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rules_are_stale_as_soon_as(world, root, change, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_HOOKS_ROUTER", "off")
    compiled.load(str(root))
    assert is_current(root)

    change(world, root)

    assert not is_current(root)
    compiled.load(str(root))
    assert is_current(root)


def test_an_edit_of_the_same_length_is_seen(root):
    config = root / ".agentflow" / "config.yaml"
    config.write_text("max_parallel: 1")
    compiled.load(str(root))
    config.write_text("max_parallel: 2")

    assert not is_current(root)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"made_for": 1, "sources": []}', b"\xff\xfe", b"null"])
def test_damaged_rules_are_compiled_again(root, damage):
    whole = compiled.load(str(root))
    Path(compiled.path_of(str(root))).write_bytes(damage)

    assert compiled.load(str(root))["work"] == whole["work"]
    assert is_current(root)


def test_rules_of_another_repository_are_not_taken(world, root):
    other = world.repository({"b.txt": "b\n"}, "other")
    compiled.load(str(root))
    Path(compiled.path_of(str(root))).rename(compiled.path_of(str(other)))

    assert compiled.load(str(other))["made_for"][0] == str(other)


def test_no_value_of_a_variable_is_written_down(root, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_DATABASE_URL", "postgresql://ada:hunter2@host/db")
    compiled.load(str(root))

    assert "hunter2" not in Path(compiled.path_of(str(root))).read_text()
