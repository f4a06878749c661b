from __future__ import annotations

import pytest

from agentflow.config.paths import cache_dir, config_dir, repository_root, run_dir, state_dir


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("AGENTFLOW_STATE_DIR", state_dir), ("AGENTFLOW_CACHE_DIR", cache_dir), ("AGENTFLOW_CONFIG_DIR", config_dir)],
)
def test_each_folder_can_be_moved_by_its_variable(tmp_path, monkeypatch, variable: str, folder):
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert folder() == tmp_path / "elsewhere"
    assert not folder().exists()


def test_a_run_lives_below_the_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path))
    assert run_dir("r1") == tmp_path / "runs" / "r1"


def test_the_repository_is_found_from_its_subfolders_and_from_a_linked_worktree(tmp_path, repository):
    inner = repository / "src" / "deep"
    inner.mkdir(parents=True)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text("gitdir: elsewhere\n")
    assert [repository_root(folder) for folder in (inner, repository, linked)] == [repository, repository, linked]


def test_outside_any_repository_there_is_none(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert repository_root(outside) is None
