"""What the prover keeps of a check, and what it keeps to itself."""

import asyncio
import os
from dataclasses import replace

import pytest

from agentflow.config.settings import load_settings
from agentflow.git.repository import open_repository
from agentflow.workflows.proving import Prover

LABEL = ("-", 0)


@pytest.fixture
def proving(world, ledger, monkeypatch):
    """Makes a prover of a repository with these settings; `head()` is its newest commit."""
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", world.env["AGENTFLOW_CACHE_DIR"])
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = world.repository({"README": "Hello\n"})

    class Proving:
        head = world.git(root, "rev-parse", "HEAD")

        def prover(self, **settings: object) -> Prover:
            repository = asyncio.run(open_repository(root))
            chosen = replace(load_settings(None, {}, {}), **settings)
            logs = world.folder / "state" / "runs" / "run" / "logs"
            logs.mkdir(parents=True, exist_ok=True)
            return Prover("run", self.head, repository, chosen, ledger, logs, sandbox=None)

        def commit(self, name: str, text: str) -> str:
            (root / name).write_text(text)
            world.git(root, "add", "-A")
            world.git(root, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "More")
            return world.git(root, "rev-parse", "HEAD")

        def prove(self, prover: Prover, command: str, commit: str = head):
            return asyncio.run(prover.prove(commit, [command], LABEL)).results[0]

    return Proving()


def test_a_value_let_through_reaches_the_check_and_nothing_that_is_kept(proving, world, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:hunter22@db")
    prover = proving.prover(check_env=("DATABASE_URL",))
    result = proving.prove(prover, 'test "$DATABASE_URL" = postgres://me:hunter22@db && echo "at $DATABASE_URL"; false')
    assert result.output_tail == "at [DATABASE_URL]"
    (worktree,) = (world.folder / "cache" / "worktrees" / "run").iterdir()
    assert "DATABASE_URL" not in prover.session_environment(worktree)
    kept = [path for path in (world.folder / "state").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"at postgres://me:hunter22@db" in path.read_bytes()]


def test_a_commit_whose_manifests_cannot_be_set_up_fails_its_checks(proving):
    prover = proving.prover(setup="! grep -s no-such-thing requirements.txt")
    assert proving.prove(prover, "true").passed
    broken = proving.commit("requirements.txt", "no-such-thing\n")
    result = proving.prove(prover, "true", broken)
    assert not result.passed
    assert "the setup command" in result.output_tail
    assert "no-such-thing" in result.output_tail


def test_with_another_set_up_a_check_is_run_again(proving):
    assert not proving.prove(proving.prover(), "test -f made").passed
    assert proving.prove(proving.prover(setup="touch made"), "test -f made").passed
