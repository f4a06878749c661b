"""The trial that tells a sandbox from a program that only starts, against the real one and against broken ones."""

from __future__ import annotations

import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from agentflow.checks import sandbox
from agentflow.checks.probe import failing
from agentflow.checks.sandbox import around_trial, bubblewrap_works
from agentflow.config.paths import bubblewrap

pytestmark = pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap cannot start a sandbox here")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home with one file, which no folder hides but its own."""
    place = Path("/opt") if os.access("/opt", os.W_OK) else tmp_path
    folder = place / f"agentflow-home-{os.getpid()}"
    folder.mkdir()
    (folder / ".netrc").write_text("password\n")
    monkeypatch.setenv("HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


def without(word, worktree, checkout, environment):
    """The real sandbox, but for one of its options."""
    return [told for told in around_trial(worktree, checkout, environment) if told != word]


def bound_again(path, option, worktree, checkout, environment):
    """The real sandbox with one more folder let in; `path` is given what the trial has."""
    told = around_trial(worktree, checkout, environment)
    place = str(path(worktree, checkout))
    return [*told[: told.index("--")], option, place, place, "--"]


def test_the_real_sandbox_holds():
    assert failing(around_trial) == ""


@pytest.mark.parametrize(
    ("around", "said"),
    [
        (lambda *_: [], "canary be read"),
        (partial(bound_again, lambda _, checkout: checkout, "--ro-bind"), "canary be read"),
        (partial(bound_again, lambda *_: os.environ["HOME"], "--ro-bind"), ".netrc be read"),
        (partial(without, "--unshare-net"), "the network be reached"),
        (
            partial(bound_again, lambda _, checkout: checkout.with_name("outside"), "--bind"),
            "outside of the worktree be written",
        ),
        (partial(bound_again, lambda worktree, _: worktree, "--ro-bind"), "does not get what it needs"),
        (lambda *_: [bubblewrap(), "--ro-bind", "/bin", "/bin", "--"], "does not get what it needs"),
        (lambda *_: ["/bin/true"], "cannot write in the worktree"),
        (lambda *_: ["/nowhere/bwrap"], "it does not start: .*/nowhere/bwrap"),
    ],
    ids=[
        *("none", "the-checkout", "the-home", "the-network", "outside"),
        *("worktree-read-only", "no-toolchain", "nothing-run", "no-program"),
    ],
)
@pytest.mark.security("T4")
def test_a_sandbox_that_does_not_hold_is_refused_with_what_it_lets_through(around, said):
    assert re.search(said, failing(around))


def hides_files_only(worktree, checkout, environment):
    return ["/bin/sh", "-c", f'mv {checkout} {checkout}.gone; exec "$@"', "sh"]


@pytest.mark.security("T4")
def test_a_sandbox_that_shows_other_processes_is_refused(home):
    (home / ".netrc").write_text("")
    assert "the environment of other processes be read" in failing(hides_files_only)


@pytest.mark.security("T4")
def test_a_bubblewrap_that_starts_and_keeps_nothing_out_is_no_sandbox(tmp_path, monkeypatch):
    """As a distribution's wrapper, or a container's, may be: what follows `--` is run, and that is all."""
    program = tmp_path / "bwrap"
    program.write_text('#!/bin/sh\nuntil [ "$1" = -- ]; do shift; done\nshift\nexec "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(program))
    assert "canary be read" in sandbox.why_no_sandbox.__wrapped__()


def hides_python(worktree, checkout, environment):
    told = around_trial(worktree, checkout, environment)[:-1]
    return [*told, "--tmpfs", sys.prefix, "--tmpfs", sys.base_prefix, "--"]


def test_a_sandbox_that_hides_the_toolchain_is_refused_with_what_was_said():
    assert "does not get what it needs in there: bwrap: execvp" in failing(hides_python)
