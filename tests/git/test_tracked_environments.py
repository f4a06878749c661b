from __future__ import annotations

import asyncio

import pytest

from agentflow.git.included import tracked_environments


def brought(repo):
    return {path.relative_to(repo.root).as_posix() for path in asyncio.run(tracked_environments(repo.open()))}


@pytest.mark.parametrize(
    ("tracked", "found"),
    [
        (".venv/bin/bwrap", {".venv"}),
        ("venv/pyvenv.cfg", {"venv"}),
        ("services/api/.venv/bin/python", {"services/api/.venv"}),
        ("docs/venv.md", set()),
        ("tools/env/bin/python", set()),
    ],
)
def test_a_virtualenv_with_a_tracked_file_is_the_repositorys(repo, tracked, found):
    repo.commit_files({tracked: "x\n"})
    (repo.root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    (repo.root / ".venv" / "bin" / "python").touch()
    assert brought(repo) == found


def test_a_tracked_link_by_a_virtualenvs_name_is_the_repositorys(repo):
    (repo.root / ".venv").symlink_to("docs")
    repo.commit_files({})
    assert brought(repo) == {".venv"}


def test_the_active_one_counts_wherever_it_lies(repo, monkeypatch):
    repo.commit_files({"tools/env/bin/python": "x\n"})
    monkeypatch.setenv("VIRTUAL_ENV", str(repo.root / "tools" / "env"))
    assert brought(repo) == {"tools/env"}
