import os
import stat

import pytest

from agentflow.config.machine import make_folder, open_private, write_private


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_agentflows_is_its_users_alone_whatever_stood_there_and_whatever_the_umask(state, umask):
    (state / "runs").mkdir(parents=True)
    (state / "runs").chmod(0o777)
    state.chmod(0o755)
    (state / "log").write_text("old")
    (state / "log").chmod(0o644)
    before = os.umask(umask)
    try:
        make_folder(state / "runs" / "1")
        write_private(state / "log", "new\udcff")
        with open_private(state / "fresh", "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert [mode(path) for path in (state, state / "runs", state / "runs" / "1")] == [0o700] * 3
    assert [mode(state / name) for name in ("log", "fresh")] == [0o600] * 2
    assert (state / "log").read_bytes() == b"new\xff"


def test_a_folder_that_others_are_meant_to_use_stays_as_it_is(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(shared))
    make_folder(shared / "runs")
    assert (mode(shared), mode(shared / "runs"), mode(tmp_path) & 0o777) == (0o1777, 0o700, mode(tmp_path) & 0o777)


@pytest.mark.parametrize("kind", ["symlink", "dangling", "hard link", "fifo"])
def test_nothing_is_written_through_what_somebody_put_in_a_files_place(tmp_path, kind):
    theirs, ours = tmp_path / "bashrc", tmp_path / "detached.log"
    if kind != "dangling":
        theirs.write_text("theirs")
    if kind == "hard link":
        ours.hardlink_to(theirs)
    elif kind == "fifo":
        os.mkfifo(ours)
    else:
        ours.symlink_to(theirs)
    with pytest.raises(OSError, match=r"detached\.log"):
        open_private(ours, "a")
    assert not theirs.exists() if kind == "dangling" else theirs.read_text() == "theirs"
