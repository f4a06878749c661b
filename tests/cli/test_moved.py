"""A repository that was moved finds its runs again, after one question."""

from __future__ import annotations

import os
import pty
from dataclasses import replace

import pytest

from agentflow.domain.attempts import RunStatus


@pytest.fixture
def moved(world, repository, ledger, a_run):
    """An unfinished run, and its repository in another folder than it began in."""
    base = world.git(repository, "rev-parse", "HEAD")
    ledger.create_run(replace(a_run, status=RunStatus.STOPPED, base=base, head=None))
    place = world.folder / "elsewhere"
    repository.rename(place)
    return place


@pytest.mark.parametrize(
    "command", [["resume"], ["status"], ["runs", "list"], ["runs", "show"], ["status", "20261123"]]
)
def test_without_a_terminal_the_option_is_named(world, moved, repository, command):
    ended = world.agentflow(moved, *command)
    assert ended.code == 2
    assert f"began in {repository}, which is gone; {moved} holds the same commits" in ended.err
    assert "--moved" in ended.err


@pytest.mark.parametrize("command", [["status"], ["runs", "list"], ["runs", "show"]])
def test_said_so_the_runs_belong_to_the_new_place_from_then_on(world, moved, a_run, command):
    ended = world.agentflow(moved, *command, "--moved")
    assert ended.code == 0, ended.err
    assert a_run.id in ended.out
    assert f"belong to {moved} now" in ended.err
    again = world.agentflow(moved, *command)
    assert (again.code, "now" in again.err) == (0, False)
    with world.ledger() as ledger:
        found = ledger.run(a_run.id)
        assert (found.repo_root, found.common_dir) == (moved, moved / ".git")


@pytest.mark.parametrize(("said", "there"), [("y\n", True), ("n\n", False)])
def test_on_a_terminal_one_question_is_asked(world, moved, a_run, said, there):
    ours, theirs = pty.openpty()
    process = world.start(moved, "runs", "list", stdin=theirs)
    os.write(ours, said.encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "Was the repository moved here?" in err
    assert (process.returncode, a_run.id in out) == (0, there)


def test_another_repository_and_one_with_runs_of_its_own_are_asked_nothing(world, moved, ledger, a_run):
    other = world.repository({"b.py": ""}, "other")
    assert "no runs yet" in world.agentflow(other, "runs", "list").err
    ledger.create_run(replace(a_run, id="20261201-own", repo_root=moved, common_dir=moved / ".git", created_at=5.0))
    ended = world.agentflow(moved, "runs", "list")
    assert (ended.code, "20261201-own" in ended.out, a_run.id in ended.out) == (0, True, False)
