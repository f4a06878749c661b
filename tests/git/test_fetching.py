"""Fetching a pull request's commits from a real remote."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.fetching import fetch_commits, fetch_ends, source_of, web_address


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def remote(make_repo: Callable) -> Path:
    """A bare repository with `main`, a tag, and a pull request 7 whose commits are on no branch."""
    origin = make_repo("origin")
    origin.git("tag", "v1")
    origin.git("switch", "--quiet", "--create", "change")
    head = origin.commit_files({"app.py": "one\nTWO\nthree\n"})
    origin.git("switch", "--quiet", "main")
    origin.git("branch", "--quiet", "-D", "change")
    origin.git("update-ref", "refs/pull/7/head", head)
    bare = origin.root.with_name("origin.git")
    origin.git("clone", "--quiet", "--mirror", str(origin.root), str(bare))
    return bare


@pytest.fixture
def clone(remote: Path, make_repo: Callable):
    """The user's checkout of the remote's first commit."""
    checkout = make_repo("mine")
    checkout.git("remote", "add", "origin", str(remote))
    return checkout


class _Demanding(BaseHTTPRequestHandler):
    """Answers every request with a demand for a login."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _demanding_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Demanding) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/o/r.git"
        finally:
            server.shutdown()
            thread.join()


def _fetch(checkout, source: str, **wanted: str) -> dict[str, str]:
    return asyncio.run(fetch_commits(checkout.open(), source, wanted, "run1"))


def _oid(remote: Path, ref: str) -> str:
    return (remote / ref).read_text().strip() if (remote / ref).exists() else _packed(remote)[ref]


def _packed(remote: Path) -> dict[str, str]:
    lines = (remote / "packed-refs").read_text().splitlines()
    return {ref: oid for oid, _, ref in (line.partition(" ") for line in lines if line[0] not in "#^")}


def test_the_head_of_a_pull_request_and_a_base_by_its_name_are_there_afterwards(clone, remote):
    base, head = _oid(remote, "refs/heads/main"), _oid(remote, "refs/pull/7/head")
    commits = _fetch(clone, str(remote), base=base, head="refs/pull/7/head")
    assert commits == {"base": base, "head": head}
    assert clone.git("show", f"{head}:app.py") == "one\nTWO\nthree"
    assert clone.git("rev-parse", "refs/agentflow/run1/pull/head") == head


def test_nothing_of_the_users_checkout_changes(clone, remote):
    clone.git("config", "remote.origin.tagOpt", "--tags")
    clone.git("config", "fetch.prune", "true")
    clone.git("update-ref", "refs/remotes/origin/gone", "HEAD")
    before = clone.state()
    _fetch(clone, str(remote), head="refs/pull/7/head")
    clone.git("update-ref", "-d", "refs/agentflow/run1/pull/head")
    assert clone.state() == before
    assert not (clone.root / ".git" / "FETCH_HEAD").exists()


def test_a_moved_pull_request_replaces_what_the_same_run_fetched_before(clone, remote):
    _fetch(clone, str(remote), head="refs/pull/7/head")
    commits = _fetch(clone, str(remote), head="refs/heads/main")
    assert clone.git("rev-parse", "refs/agentflow/run1/pull/head") == commits["head"]


def test_nothing_a_repository_configures_is_run(clone, remote, make_hostile, tripwire):
    make_hostile(clone)
    clone.git("config", "remote.origin.uploadpack", f"touch '{tripwire}'; git-upload-pack")
    tripwire.unlink(missing_ok=True)
    _fetch(clone, str(remote), head="refs/pull/7/head")
    assert not tripwire.exists()


@pytest.mark.parametrize("source", ["ext::sh -c touch% tripped", "--upload-pack=touch tripped", "fd::1"])
def test_an_address_that_would_run_a_program_is_refused(clone, source):
    with pytest.raises(EnvironmentError_, match="cannot fetch from"):
        _fetch(clone, source, head="refs/pull/7/head")
    assert not (clone.root / "tripped").exists()


def test_a_pull_request_that_is_not_there_is_named_with_gits_own_words(clone, remote):
    with pytest.raises(EnvironmentError_, match=r"find remote ref refs/pull/8/head") as told:
        _fetch(clone, str(remote), head="refs/pull/8/head")
    assert told.value.hint == "see that git can read it; for GitHub: gh auth setup-git"


def test_a_password_in_an_address_is_not_repeated(clone):
    with pytest.raises(EnvironmentError_) as told:
        _fetch(clone, "http://ada:hunter2@127.0.0.1:9/o/r.git", head="refs/pull/7/head")
    assert "127.0.0.1:9" in told.value.message
    assert "hunter2" not in told.value.message


def test_a_credential_helper_of_the_user_is_asked_and_none_of_the_repositorys(clone, tmp_path, monkeypatch, tripwire):
    asked, users = tmp_path / "asked", tmp_path / "users-gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(users))
    clone.git("config", "--global", "credential.helper", f"!f() {{ cat > '{asked}'; }}; f")
    clone.git("config", "credential.helper", f"!touch '{tripwire}'; true")
    clone.git("config", "core.askPass", f"touch '{tripwire}'; true")
    with pytest.raises(EnvironmentError_), _demanding_server() as url:
        _fetch(clone, url, head="refs/pull/7/head")
    assert "protocol=http" in asked.read_text()
    assert not tripwire.exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/octo/Cat",
        "https://github.com/octo/cat.git",
        "https://token@github.com/octo/cat.git/",
        "git@github.com:octo/cat.git",
        "ssh://git@github.com:22/octo/cat",
    ],
)
def test_a_remote_that_names_the_repository_is_where_it_is_fetched_from(clone, address):
    clone.git("remote", "add", "upstream", address)
    found = asyncio.run(source_of(clone.open(), "https://github.com/octo/cat.git"))
    assert found == address


@pytest.mark.parametrize("address", ["https://github.com/octo/cats", "https://example.org/octo/cat", "../cat"])
def test_without_such_a_remote_the_address_itself_is_used(clone, address):
    clone.git("remote", "add", "upstream", address)
    url = "https://github.com/octo/cat.git"
    assert asyncio.run(source_of(clone.open(), url)) == url


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://github.com/octo/cat.git", "https://github.com/octo/cat"),
        ("https://ada:token@github.com/octo/cat", "https://github.com/octo/cat"),
        ("git@github.com:octo/cat.git", "https://github.com/octo/cat"),
        ("ssh://git@github.com:22/octo/a cat", "https://github.com/octo/a%20cat"),
        ("../cat", ""),
        ("/srv/cat.git", ""),
        ("file:///srv/cat.git", ""),
    ],
)
def test_where_a_repository_is_seen_on_the_web_is_told_without_a_login(clone, address, seen):
    clone.git("remote", "remove", "origin", check=False)
    clone.git("remote", "add", "origin", address)
    assert asyncio.run(web_address(clone.open())) == seen


def _moved_on(remote: Path, make_repo: Callable) -> tuple[str, str]:
    """The tip of `main` after two more commits, and the commit from which pull request 7 branched off."""
    writer = make_repo("writer")
    writer.git("fetch", "--quiet", str(remote), "main")
    writer.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    forked = writer.git("rev-parse", "HEAD")
    writer.commit_files({"app.py": "one\ntwo\nthree\nfour\n"})
    tip = writer.commit_files({"app.py": "one\ntwo\nthree\nfour\nfive\n"})
    writer.git("push", "--quiet", str(remote), "HEAD:main")
    return tip, forked


def test_a_shallow_clone_gets_the_history_that_joins_the_two_ends_and_keeps_its_checkout(remote, make_repo, clone):
    tip, forked = _moved_on(remote, make_repo)
    clone.git("fetch", "--quiet", "--depth=1", f"file://{remote}", tip)
    clone.git("checkout", "--quiet", "--detach", tip)
    clone.git("reflog", "expire", "--all", "--expire=all")
    clone.git("update-ref", "-d", "refs/heads/main")
    assert clone.git("rev-list", "--count", "HEAD") == "1"
    ends = asyncio.run(fetch_ends(clone.open(), f"file://{remote}", "run1", base=tip, head="refs/pull/7/head"))
    assert ends == (tip, _oid(remote, "refs/pull/7/head"))
    assert clone.git("merge-base", *ends) == forked
    assert clone.git("rev-parse", "HEAD") == tip
    assert clone.git("status", "--porcelain") == ""
