from __future__ import annotations

import asyncio
import os

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git, settings


def test_a_failing_call_raises_with_gits_own_words_and_the_command(repo):
    with pytest.raises(EnvironmentError_, match=r"git rev-parse failed in .*: Needed a single revision"):
        asyncio.run(git(repo.root, "rev-parse", "--verify", "nothing"))


def test_an_unchecked_failure_is_an_answer(repo):
    answer = asyncio.run(git(repo.root, "rev-parse", "--verify", "nothing", check=False))
    assert not answer.ok
    assert answer.returncode == 128


def test_a_missing_folder_is_an_error_and_never_another_folder(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo.root)
    with pytest.raises(EnvironmentError_, match="gone"):
        asyncio.run(git(tmp_path / "gone", "rev-parse", "HEAD"))


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"]
)
def test_the_callers_environment_cannot_redirect_git(repo, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    answer = asyncio.run(git(repo.root, "status", "--porcelain"))
    assert answer.stdout == ""


def test_settings_in_the_callers_environment_do_not_reach_git(repo, monkeypatch):
    for name, value in settings({"user.name": "Mallory"}).items():
        monkeypatch.setenv(name, value)
    assert asyncio.run(git(repo.root, "config", "user.name", check=False)).stdout == ""


def test_settings_given_to_a_call_do_reach_git(repo):
    given = settings({"user.name": "Ada", "merge.a=b.driver": "false"})
    assert asyncio.run(git(repo.root, "config", "user.name", env=given)).line == "Ada"
    assert asyncio.run(git(repo.root, "config", "merge.a=b.driver", env=given)).line == "false"


def test_bytes_that_are_not_text_survive_the_way_through(repo):
    content = bytes(range(256))
    blob = asyncio.run(git(repo.root, "hash-object", "-w", "--stdin", stdin=content)).line
    answer = asyncio.run(git(repo.root, "cat-file", "blob", blob))
    assert answer.stdout.encode("utf-8", "surrogateescape") == content


def test_a_cancelled_caller_waits_until_git_has_ended(repo, tmp_path):
    begun, go_on, ended = (tmp_path / name for name in ("begun", "go_on", "ended"))
    os.mkfifo(begun)
    os.mkfifo(go_on)
    slow = settings({"alias.slow": f"!echo > '{begun}'; read line < '{go_on}'; touch '{ended}'"})

    async def cancel_in_the_middle() -> None:
        call = asyncio.create_task(git(repo.root, "slow", env=slow))
        await asyncio.to_thread(begun.read_text)
        call.cancel()
        await asyncio.to_thread(go_on.write_text, "go\n")
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(cancel_in_the_middle())
    assert ended.exists()


def test_without_git_the_error_says_what_to_install(repo, tmp_path, monkeypatch):
    asyncio.run(git(repo.root, "--version"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentError_, match="git was not found") as caught:
        asyncio.run(git(repo.root, "--version"))
    assert "2.38" in caught.value.hint
