from __future__ import annotations

import asyncio
import os
import shutil
import socket

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git


@pytest.mark.parametrize(
    "place",
    [
        *("refs/agentflow", "refs/heads/agentflow", "logs/refs/heads/agentflow", "worktrees", "objects/00"),
        *("objects/pack", "logs/HEAD"),
    ],
)
def test_a_link_out_of_the_git_directory_is_refused_and_nothing_written_through_it(repo, tmp_path, place):
    link, elsewhere = repo.root / ".git" / place, tmp_path / "elsewhere"
    elsewhere.mkdir()
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        link.rename(tmp_path / "away")
    link.unlink(missing_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(EnvironmentError_, match=f"{place} is a link out of the git directory"):
        repo.open()
    assert list(elsewhere.iterdir()) == []


def test_a_link_within_and_parts_that_lie_in_another_git_directory_are_let_be(repo, make_repo):
    other = make_repo("other")
    shutil.rmtree(repo.root / ".git" / "objects")
    (repo.root / ".git" / "objects").symlink_to(other.root / ".git" / "objects")
    repo.git("update-ref", "--no-deref", "refs/heads/main", other.git("rev-parse", "HEAD"))
    (repo.root / ".git" / "refs" / "agentflow").symlink_to("heads")
    assert repo.open().branch == "main"


def test_files_that_the_repository_says_lie_elsewhere_are_not_its_own(repo, tmp_path):
    repo.git("config", "core.worktree", str(tmp_path))
    with pytest.raises(EnvironmentError_, match="says that its files lie in"):
        repo.open()


def test_a_planted_commondir_is_refused(repo, make_repo):
    other = make_repo("other")
    (repo.root / ".git" / "commondir").write_text(f"{other.root}/.git\n")
    with pytest.raises(EnvironmentError_, match="commondir leads git to another repository"):
        repo.open()


@pytest.mark.parametrize(
    "place",
    [
        *(
            "HEAD",
            "index",
            "packed-refs",
            "info/exclude",
            "info/attributes",
            "objects/info/alternates",
            "hooks/pre-push",
        ),
        *("refs/heads/odd", "objects/00/odd", "objects/pack/pack-odd.idx", "logs/HEAD", "shallow", "../.gitignore"),
    ],
)
@pytest.mark.parametrize("how", ["pipe", "endless link"])
def test_a_pipe_or_a_device_where_git_reads_a_file_is_named_and_not_waited_for(repo, place, how):
    path = repo.root / ".git" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path) if how == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(EnvironmentError_, match=f"{path.name} is a pipe or a device"):
        repo.open()


def test_a_socket_such_as_gits_own_monitor_makes_and_links_to_nowhere_are_no_obstacle(repo, monkeypatch):
    monkeypatch.chdir(repo.root / ".git")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("fsmonitor--daemon.ipc")
    (repo.root / ".git" / "gone").symlink_to("/nowhere/at/all")
    assert repo.open().branch == "main"


@pytest.mark.parametrize("key", ["mailmap.file", "core.excludesFile", "core.attributesFile", "diff.orderFile"])
def test_a_file_to_read_that_the_repository_says_is_a_device_is_not_read(repo, key):
    repo.git("config", key, "/dev/zero")
    repo.write("new.py")
    repository = repo.open()
    asyncio.run(git(repo.root, "status", "--porcelain"))
    asyncio.run(git(repo.root, "log", "-1", "--format=%aN %aE", "--use-mailmap"))
    assert asyncio.run(git(repo.root, "config", "--get", key)).line == "/dev/null"
    assert repository.branch == "main"
