"""What preparing a proof worktree left there is the same for every proof, whatever a check did to it."""

import asyncio
import os

import pytest

from agentflow.git.pool import WorktreePool


@pytest.fixture
def pool(repo, tmp_path, monkeypatch):
    """A pool whose worktrees hold `node_modules`; `pool.prepared` counts how often one was prepared."""
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))
    repo.commit_files({".gitignore": "node_modules/\n"})

    async def prepare(path):
        made.prepared += 1
        (path / "node_modules").mkdir()
        (path / "node_modules/runner.js").write_text("run()\n")
        os.utime(path / "node_modules/runner.js", ns=(0, 0))

    async def fits(_path):
        return made.fitting

    made = WorktreePool(repo.open(), tmp_path / "cache/worktrees/run", prepare, fits)
    made.prepared, made.fitting = 0, True
    return made


def proofs(pool, commit, *acts):
    """Do these one after the other, each in a worktree at the commit; returns what the runner is afterwards."""

    async def all_of_them():
        for act in acts:
            async with pool.at(commit) as path:
                act(path)
        async with pool.at(commit) as path:
            return (path / "node_modules/runner.js").read_text(), sorted(
                p.name for p in (path / "node_modules").iterdir()
            )

    return asyncio.run(all_of_them())


def patch_runner(path):
    (path / "node_modules/runner.js").write_text("pass()\n")
    os.utime(path / "node_modules/runner.js", ns=(0, 0))


def add_cache(path):
    (path / "node_modules/.cache").mkdir()
    (path / "left.txt").touch()


def test_untouched_provisions_stay_from_proof_to_proof(repo, pool):
    assert proofs(pool, repo.git("rev-parse", "HEAD").strip(), lambda _: None, add_cache) == ("run()\n", ["runner.js"])
    assert pool.prepared == 1


def test_a_patched_test_runner_is_gone_at_the_next_proof(repo, pool):
    assert proofs(pool, repo.git("rev-parse", "HEAD").strip(), patch_runner) == ("run()\n", ["runner.js"])
    assert pool.prepared == 2


def test_a_worktree_that_does_not_fit_is_made_anew(repo, pool):
    pool.fitting = False
    proofs(pool, repo.git("rev-parse", "HEAD").strip(), lambda _: None)
    assert pool.prepared == 2
