from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.claude_code import sessions
from agentflow.claude_code.sessions import peek, session
from agentflow.claude_code.sweeping import OLD_S, sweep

COUNT = """
import sys
from agentflow.claude_code.sessions import session
sys.stdin.read()
for _ in range(5):
    with session("parallel") as state:
        state["count"] = state.get("count", 0) + 1
"""


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_STATE_DIR", str(tmp_path))


def kept(session_id, ending=""):
    return Path(sessions.path_of(session_id) + ending)


def test_a_session_remembers_what_a_hook_changed():
    with session("a") as state:
        state["seen"] = {"files": ["x"]}
    with session("a") as state:
        state["seen"]["files"].append("y")

    assert peek("a") == {"seen": {"files": ["x", "y"]}}
    assert peek("b") == {}


def test_twenty_processes_on_one_session_lose_no_update():
    command = [sys.executable, "-c", COUNT]
    parallel = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(20)]
    for process in parallel:
        process.stdin.close()
    assert [process.wait() for process in parallel] == [0] * 20

    assert peek("parallel") == {"count": 100}


def test_an_error_in_the_block_changes_nothing():
    with session("a") as state:
        state["n"] = 1
    with contextlib.suppress(KeyError), session("a") as state:
        state["n"] = 2
        raise KeyError

    assert peek("a") == {"n": 1}
    with session("a") as state:
        state["n"] = 3
    assert peek("a") == {"n": 3}


@pytest.mark.parametrize("damage", [b"", b'{"n": ', b"[]", b"\xff"])
def test_a_damaged_file_is_a_session_of_which_nothing_is_known(damage):
    with session("a") as state:
        state["n"] = 1
    kept("a").write_bytes(damage)

    assert peek("a") == {}
    with session("a") as state:
        state["m"] = 2
    assert peek("a") == {"m": 2}


def test_a_process_killed_while_it_writes_leaves_the_old_state():
    with session("a") as state:
        state["n"] = 1
    kept("a", ".new").write_text('{"n": 2, "half')

    assert peek("a") == {"n": 1}
    with session("a") as state:
        state["n"] += 1
    assert peek("a") == {"n": 2}


def test_a_hook_does_not_wait_for_ever():
    with session("a") as state:
        state["n"] = 1
    holder = os.open(kept("a", ".lock"), os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_EX)

    with pytest.raises(TimeoutError), session("a", patience_s=0.05):
        pass
    os.close(holder)
    with session("a") as state:
        assert state == {"n": 1}


def test_the_state_is_the_users_alone():
    with session("a") as state:
        state["n"] = 1

    assert kept("a").stat().st_mode & 0o077 == 0


def test_a_session_id_is_never_a_path(tmp_path):
    with session("../../../elsewhere") as state:
        state["n"] = 1

    assert peek("../../../elsewhere") == {"n": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"hooks"}


def test_old_state_is_swept_once_a_day_and_young_state_stays(tmp_path):
    for name in ("old", "young"):
        with session(name) as state:
            state["n"] = 1
    compiled = tmp_path / "hooks" / "compiled" / "x.json"
    compiled.parent.mkdir()
    compiled.write_text("{}")
    _age(kept("old"), kept("old", ".lock"), compiled)

    sweep()
    assert (peek("old"), peek("young"), compiled.exists()) == ({}, {"n": 1}, False)
    assert not kept("old", ".lock").exists()

    _age(kept("young"))
    sweep()
    assert peek("young") == {"n": 1}
    _age(tmp_path / "hooks" / "swept")
    sweep()
    assert peek("young") == {}


def _age(*paths):
    for path in paths:
        os.utime(path, (0, time.time() - OLD_S - 60))


def test_the_state_is_json_that_a_person_can_read():
    with session("a") as state:
        state["n"] = 1

    assert json.loads(kept("a").read_text()) == {"n": 1}
