from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.commits import worktree_head
from agentflow.git.linked import entry_of, recorded_head
from agentflow.git.worktrees import add_worktree


@pytest.fixture
def place(tmp_path):
    """A worktree of this run with this name."""
    return lambda run, name="base": tmp_path / "cache" / "worktrees" / run / name


def add(repo, path, commit="HEAD"):
    asyncio.run(add_worktree(repo.open(), path, commit))
    return path


def test_worktrees_of_one_name_have_an_entry_each(repo, place):
    paths = [add(repo, place(run)) for run in ("one", "two", "three")]
    found = [entry_of(repo.open(), path) for path in paths]
    assert [entry.name for entry in found] == ["base", "base1", "base2"]
    assert [Path((entry / "gitdir").read_text().strip()) for entry in found] == [path / ".git" for path in paths]


def test_an_entry_of_the_right_name_that_leads_elsewhere_is_not_believed(repo, place):
    first, second = add(repo, place("one")), add(repo, place("two"))
    (entry_of(repo.open(), first) / "gitdir").write_text(f"{first}-elsewhere/.git\n")
    assert entry_of(repo.open(), second).name == "base1"
    with pytest.raises(EnvironmentError_, match="not a worktree"):
        entry_of(repo.open(), first)


def test_settings_of_its_own_void_an_entry_found_by_name_too(repo, place):
    path = add(repo, place("one"))
    (repo.root / ".git" / "worktrees" / "base" / "config.worktree").write_text("[core]\n\tfsmonitor = true\n")
    with pytest.raises(EnvironmentError_, match="configuration of its own"):
        entry_of(repo.open(), path)


def test_where_agentflow_left_it_is_recorded_as_a_full_id_whatever_name_was_given(repo, place):
    head = repo.git("rev-parse", "HEAD")
    for n, name in enumerate((head, "HEAD", "main", head[:10])):
        path = add(repo, place(f"run-{n}"), name)
        assert recorded_head(entry_of(repo.open(), path)) == head
        assert asyncio.run(worktree_head(repo.open(), path)) == head
