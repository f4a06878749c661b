from __future__ import annotations

import asyncio
import subprocess

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.command import git
from agentflow.git.partial import require_present
from agentflow.git.preflight import preflight


@pytest.fixture
def partial(repo, tmp_path, tripwire):
    """A partial clone without the contents of its second file, whose remote is reached by the tripwire."""
    repo.commit_files({"data/big.bin": "big\n"})
    repo.git("config", "uploadpack.allowFilter", "true")
    root = tmp_path / "partial"
    how = ["git", "clone", "--quiet", "--filter=blob:none", "--sparse", f"file://{repo.root}", str(root)]
    subprocess.run(how, check=True)
    clone = type(repo)(root)
    clone.git("sparse-checkout", "set", "--no-cone", "/app.py")
    clone.git("config", "remote.origin.uploadpack", f"touch '{tripwire}'; git-upload-pack")
    clone.git("config", "remote.origin.url", f"ssh://nowhere{repo.root}")
    clone.git("config", "core.sshCommand", f"touch '{tripwire}'; shift 2; sh -c \"$*\"")
    return clone


def test_objects_that_are_missing_are_named_and_not_fetched(partial, tripwire):
    with pytest.raises(EnvironmentError_, match=r"partial: 2 objects of .* have to be fetched from origin") as caught:
        asyncio.run(preflight(partial.open(), "agentflow/run-1"))
    assert caught.value.hint.endswith("git fetch --refetch --no-filter origin")
    assert not tripwire.exists()


@pytest.mark.parametrize("variable", [None, "0", "1"])
def test_no_command_reaches_out_for_what_is_missing(partial, tripwire, monkeypatch, variable):
    if variable:
        monkeypatch.setenv("GIT_NO_LAZY_FETCH", variable)
    answer = asyncio.run(git(partial.root, "cat-file", "blob", "HEAD:data/big.bin", check=False))
    assert not answer.ok
    assert not tripwire.exists()


def test_a_git_that_does_not_know_how_to_fetch_nothing_is_kept_from_every_protocol(partial, tripwire):
    asyncio.run(git(partial.root, "cat-file", "blob", "HEAD:data/big.bin", check=False, env={"GIT_NO_LAZY_FETCH": "0"}))
    assert not tripwire.exists()
    partial.git("cat-file", "blob", "HEAD:data/big.bin", check=False)
    assert tripwire.exists()


def test_a_partial_clone_that_has_everything_is_as_good_as_any(repo, partial):
    partial.git("config", "remote.origin.url", f"file://{repo.root}")
    partial.git("config", "--unset", "remote.origin.uploadpack")
    partial.git("fetch", "--quiet", "--refetch", "--no-filter", "origin")
    repository = partial.open()
    asyncio.run(require_present(repository, repository.head))
    assert asyncio.run(git(partial.root, "cat-file", "blob", "HEAD:data/big.bin")).stdout == "big\n"


def test_a_whole_clone_is_not_looked_through(repo):
    asyncio.run(require_present(repo.open(), "0" * 40))
