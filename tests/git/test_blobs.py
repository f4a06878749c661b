from __future__ import annotations

import asyncio
import subprocess

import pytest

from agentflow.errors import EnvironmentError_
from agentflow.git.blobs import read_blobs, tree_files
from agentflow.git.command import ObjectGone

CONTENTS = [
    b"",
    b"\n",
    b"text",
    b"\xff\xfe\x00 not UTF-8\r\n",
    b"a\x0cb\x1c\xc2\x85\n",
    b"deadbeef blob 3\n",
    b"x" * 300_000,
]


def blobs(repo, oids):
    return asyncio.run(read_blobs(repo.open(), oids))


def stored(repo, content):
    command = ["git", "hash-object", "-w", "--stdin"]
    return (
        subprocess.run(command, cwd=repo.root, input=content, capture_output=True, check=True).stdout.decode().strip()
    )


def test_a_commit_lists_its_files_symlinks_and_submodules_with_sizes(with_submodule):
    (with_submodule.root / "link").symlink_to("app.py")
    (with_submodule.root / "docs" / "guide.md").chmod(0o755)
    listed = asyncio.run(tree_files(with_submodule.open(), with_submodule.commit()))
    found = {file.path: (file.mode, file.size, file.is_symlink, file.is_submodule) for file in listed}
    del found[".gitmodules"]
    assert found == {
        "app.py": ("100644", 14, False, False),
        "docs/guide.md": ("100755", 6, False, False),
        "link": ("120000", 6, True, False),
        "vendor/lib": ("160000", None, False, True),
    }
    (library,) = (file.oid for file in listed if file.is_submodule)
    assert library == with_submodule.git("rev-parse", "HEAD:vendor/lib")


def test_names_are_exact_whatever_they_hold(make_repo):
    names = ["new\nline", "tab\t", "esc\x1b[31m", 'q"uote', "\u202ertl", " 12\tx", "\udcff"]
    repo = make_repo(files=dict.fromkeys(names, "x"))
    listed = asyncio.run(tree_files(repo.open(), "HEAD"))
    assert {file.path for file in listed} == set(names)


def test_the_bytes_are_exact_whatever_they_are(repo):
    oids = [stored(repo, content) for content in CONTENTS]
    assert list(blobs(repo, oids).values()) == CONTENTS


def test_an_object_asked_for_twice_is_read_once_and_nothing_asked_is_nothing(repo):
    oid = stored(repo, b"twice")
    assert blobs(repo, [oid, oid]) == {oid: b"twice"}
    assert blobs(repo, []) == {}


def test_an_object_the_repository_does_not_hold_is_named(repo):
    with pytest.raises(EnvironmentError_, match=f"does not hold the object {'1' * 40}"):
        blobs(repo, [stored(repo, b"here"), "1" * 40])


def test_a_listing_with_an_object_that_is_gone_names_it(repo):
    oid = repo.git("rev-parse", "HEAD:app.py")
    (repo.root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(ObjectGone, match=f"does not hold the object {oid}") as caught:
        asyncio.run(tree_files(repo.open(), "HEAD"))
    assert "git fsck" in caught.value.hint
