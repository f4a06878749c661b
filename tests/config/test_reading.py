from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from agentflow.config import reading
from agentflow.config.reading import MOST_BYTES, files_below, folders_below, open_file, read_file


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def a_device(path):
    path.symlink_to("/dev/zero")


def a_folder(path):
    path.mkdir()


def endless(path):
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


ODD = [a_pipe, a_socket, a_device, a_folder, endless]


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_plain_file_of_a_usual_size_is_an_error_and_never_waited_for(tmp_path, make):
    make(tmp_path / "odd")
    with pytest.raises(OSError, match=r".") as caught:
        read_file(tmp_path / "odd")
    assert caught.value.errno in {errno.EINVAL, errno.EFBIG, errno.ENXIO, errno.EISDIR}


def test_a_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link", most=7) == b"content"


@pytest.fixture
def root(tmp_path):
    """A repository with agents, links out of it and to itself, beside a folder that is nobody's business."""
    outside, agents = tmp_path / "outside", tmp_path / "root" / "agents"
    for folder in (outside / "deep", agents / "team"):
        folder.mkdir(parents=True)
        (folder / "one.md").write_text("one")
    (agents / "two.md").write_text("two")
    (agents / "notes.txt").write_text("no")
    (agents / "out.md").symlink_to(outside / "deep" / "one.md")
    (agents / "out").symlink_to(outside)
    (agents / "again").symlink_to(agents)
    return tmp_path / "root"


def test_files_of_a_folder_are_found_without_following_links_to_folders_or_out(root):
    found = files_below(root / "agents", {".md"}, root)
    assert [path.relative_to(root).as_posix() for path in found] == ["agents/two.md", "agents/team/one.md"]
    assert folders_below(root / "agents", root) == [root / "agents", root / "agents" / "team"]


def test_a_folder_that_is_itself_a_link_out_of_the_repository_holds_nothing(root):
    (root / "usr").symlink_to("/usr")
    assert files_below(root / "usr", {".md"}, root) == folders_below(root / "usr", root) == []


def test_a_persons_own_folder_may_be_a_link(root, tmp_path):
    (tmp_path / "mine").symlink_to(root / "agents")
    assert tmp_path / "mine" / "two.md" in files_below(tmp_path / "mine", {".md"})


def test_more_than_any_honest_folder_holds_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    monkeypatch.setattr(reading, "MOST_FOLDERS", 4)
    for n in range(10):
        Path(tmp_path, f"{n}").mkdir()
        Path(tmp_path, f"{n}.md").touch()
    assert len(files_below(tmp_path, {".md"})) == 3
    assert len(folders_below(tmp_path)) == 4


def test_what_is_refused_is_closed_again(tmp_path):
    here = Path("/dev/fd")
    before = len(list(here.iterdir()))
    with pytest.raises(IsADirectoryError):
        open_file(tmp_path)
    assert len(list(here.iterdir())) == before
