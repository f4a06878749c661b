from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentflow.claude_code import places
from agentflow.config.paths import ledger_path, repository_root, state_dir


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"AGENTFLOW_STATE_DIR": "/srv/state"},
        {"AGENTFLOW_STATE_DIR": "~/state"},
        {"AGENTFLOW_STATE_DIR": "state/here"},
        {"AGENTFLOW_STATE_DIR": ""},
        {"XDG_STATE_HOME": "/srv/xdg"},
        {"XDG_STATE_HOME": "relative"},
        {"XDG_STATE_HOME": ""},
        {"HOME": "/home/ada"},
        {"HOME": "relative"},
        {"HOME": None},
    ],
    ids=repr,
)
def test_hooks_look_where_everybody_else_does(monkeypatch, variables):
    for name in ("AGENTFLOW_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    assert Path(places.state_dir()) == state_dir()
    assert Path(places.ledger_path()) == ledger_path()


def test_the_root_is_the_nearest_folder_with_a_git_folder_or_file(world):
    root = world.repository({"deep/er/a.txt": "a\n"})
    world.git(root, "worktree", "add", "-q", "--detach", str(world.folder / "linked"))
    (world.folder / "link").symlink_to(root / "deep")

    for place in (root, root / "deep" / "er", root / "no" / "such", world.folder / "linked"):
        assert places.repository_root(str(place)) == str(repository_root(place))
    assert places.repository_root(str(world.folder / "link" / "er")) == str(root)
    assert places.repository_root(str(world.folder)) is None


def test_all_worktrees_of_a_repository_share_the_git_folder(world):
    root = world.repository({"a.txt": "a\n"})
    world.git(root, "worktree", "add", "-q", "--detach", str(world.folder / "linked"))

    assert places.common_dir(str(root)) == places.common_dir(str(world.folder / "linked")) == str(root / ".git")


def test_a_pipe_that_stands_where_git_has_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / ".git")
    with pytest.raises(OSError, match="is no file"):
        places.common_dir(str(tmp_path))


@pytest.mark.parametrize("text", ["", "..", "../../etc/passwd", "/a/b", "a\0b", "\ud800", "ü" * 500, "a" * 5000, "%2F"])
def test_a_name_is_one_file_in_its_folder_whatever_it_is_about(tmp_path, text):
    path = tmp_path / (places.file_name(text) + ".json")
    path.write_text("{}")

    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_different_texts_have_different_names():
    texts = ["a/b", "a%2F.b", "a-b", "a%b", "ab", "A/b"]
    assert len({places.file_name(text) for text in texts}) == len(texts)
