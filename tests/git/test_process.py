from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git import process
from agentflow.git.command import git, settings


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(process, "SLOW", 0.1)
    monkeypatch.setattr(process, "MOST", 0.1)


def left_of(root):
    found = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if line.startswith("git ") and str(root) in line]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("sub/.gitignore", ("status", "--porcelain")),
        ("sub/deep/.gitignore", ("add", "--all")),
        ("sub/.gitattributes", ("add", "--all")),
        ("nested/.git/HEAD", ("status", "--porcelain")),
    ],
)
def test_git_that_waits_for_a_pipe_is_ended_and_the_pipe_is_named(repo, place, words):
    pipe = repo.root / place
    for folder in ("objects", "refs") if "/.git/" in place else ():
        (pipe.parent / folder).mkdir(parents=True)
    pipe.parent.mkdir(parents=True, exist_ok=True)
    (pipe.parent / "new.txt").write_text("new\n")
    os.mkfifo(pipe)
    with pytest.raises(EnvironmentError_, match=rf"git {words[0]} waits for .*{place}"):
        asyncio.run(git(repo.root, *words, check=False))
    assert left_of(repo.root) == []
    assert not (repo.root / ".git" / "index.lock").exists()


def test_a_command_that_only_reads_has_its_time(repo, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EnvironmentError_, match="git config has not answered in"):
        asyncio.run(git(repo.root, "config", "--file", str(tmp_path / "pipe"), "--list"))
    assert left_of(repo.root) == []


def test_a_command_that_writes_takes_the_time_it_takes(repo):
    slow = settings({"alias.slow": "!sleep 0.5; echo written"})
    assert asyncio.run(git(repo.root, "slow", env=slow)).line == "written"
