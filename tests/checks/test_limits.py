"""What a check may take of the machine. Each command here ends by itself, too."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from agentflow.checks import limits
from agentflow.checks.limits import GB, limits_of, machine_memory
from agentflow.checks.process import run_command
from agentflow.checks.run import run_check
from agentflow.checks.sandbox import CheckSandbox, bubblewrap_works
from agentflow.config import processes
from agentflow.config.settings import load_settings
from agentflow.domain.evidence import Check, Limits

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="what a check takes is read from /proc")
MB = 1 << 20
ENV = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": "/nonexistent"}
LITTLE = Limits(memory_bytes=150 * MB, processes=40)
SANDBOXED = pytest.param(True, marks=pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here"))


def python(code):
    return f"exec {sys.executable} -c '{code}'"


HOG = python('import time; x = b"x" * 400_000_000; time.sleep(30)')
MANY_PROCESSES = "b() { [ $1 -lt 8 ] && { b $(($1 + 1)) & b $(($1 + 1)) & }; sleep 30; }; b 0"
MANY_THREADS = python(
    "import threading, time; [threading.Thread(target=time.sleep, args=(30,)).start() for _ in range(60)]"
)


@pytest.fixture
def wrapper(tmp_path):
    """The sandbox's, around a worktree below `tmp_path`."""
    for name in ("worktree", "git", "checkout"):
        (tmp_path / name).mkdir()
    (tmp_path / "git" / "config").touch()
    sandbox = CheckSandbox(tmp_path / "checkout", tmp_path / "git", *[tmp_path / "git" / "config"] * 2)
    return lambda *writable: sandbox.command(tmp_path / "worktree", writable, ENV, network=False)


def run(command, folder, wrapper=(), limit=LITTLE):
    log = folder / "log"
    return asyncio.run(run_command(command, folder / "worktree", ENV, 60, log, wrapper=wrapper, limits=limit))


@pytest.mark.parametrize(
    ("command", "setting"),
    [(HOG, "check_memory_gb"), (MANY_PROCESSES, "check_processes"), (MANY_THREADS, "check_processes")],
    ids=["memory", "processes", "threads"],
)
@pytest.mark.parametrize("is_sandboxed", [False, SANDBOXED])
@pytest.mark.security("T10")
def test_a_command_that_takes_too_much_is_ended_and_the_setting_is_named(
    command, setting, is_sandboxed, wrapper, tmp_path
):
    ended = run(command, tmp_path, wrapper() if is_sandboxed else ())
    assert ended.exit_code == 137
    assert setting in ended.exceeded
    assert ended.exceeded in ended.output_tail


@pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here")
def test_files_in_the_sandboxs_memory_are_memory(wrapper, tmp_path):
    ended = run("head -c 400000000 /dev/zero > /tmp/file; sleep 30", tmp_path, wrapper())
    assert "check_memory_gb" in ended.exceeded


@pytest.mark.skipif(not bubblewrap_works(), reason="no sandbox works here")
def test_a_disk_that_stands_where_a_memory_file_system_was_is_none(tmp_path, wrapper, monkeypatch):
    """So it looks from outside while a sandbox that begins changes its root."""
    seen = limits._tmpfs
    monkeypatch.setattr(limits, "_tmpfs", lambda pid: seen(pid) if pid == "self" else {"/": "0:99999"})
    ended = run("sleep 1", tmp_path, wrapper())
    assert (ended.exit_code, ended.exceeded) == (0, "")


def test_memory_that_processes_share_is_counted_once(tmp_path, wrapper):
    forks = 'import os, time; x = b"x" * 80_000_000; [os.fork() for _ in range(2)]; time.sleep(2)'
    ended = run(python(forks), tmp_path)
    assert (ended.exit_code, ended.exceeded) == (0, "")


def test_what_left_the_group_is_ended_too(tmp_path, wrapper):
    ended = run(f"setsid --wait sh -c '{MANY_PROCESSES}'", tmp_path)
    assert "check_processes" in ended.exceeded
    deadline = time.monotonic() + 20
    while any(b"sleep\x0030\0" in read(process) for process in Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def read(path):
    """The argv of a live process whose parent died with the check, or nothing."""
    try:
        return path.read_bytes() if f"PATH={ENV['PATH']}".encode() in (path.parent / "environ").read_bytes() else b""
    except OSError:
        return b""


@pytest.mark.parametrize("kind", ["-S", "-H"])
@pytest.mark.security("T10")
def test_no_core_is_dumped(tmp_path, wrapper, kind):
    assert run(f"ulimit {kind} -c", tmp_path).output_tail.strip() == "0"


def test_a_check_ended_by_a_limit_could_not_run_and_is_not_repeated(tmp_path, wrapper):
    log = tmp_path / "log"
    check = Check(f"echo once >> {tmp_path}/runs; {HOG}", limits=LITTLE)
    result = asyncio.run(run_check(check, tmp_path / "worktree", ENV, log))
    assert result.obstacle
    assert "check_memory_gb" in result.obstacle.what
    assert (tmp_path / "runs").read_text() == "once\n"


def test_without_a_setting_a_check_may_use_three_quarters_of_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENTFLOW_CONFIG_DIR", str(tmp_path))
    cgroup = tmp_path / "memory.max"
    cgroup.write_text("4294967296\n")
    monkeypatch.setattr(limits, "_CGROUP", (tmp_path / "none", cgroup))
    assert machine_memory() == 4 * GB
    assert limits_of(load_settings(None, {}, {})) == Limits(3 * GB, 8192)
    own = {"AGENTFLOW_CHECK_MEMORY_GB": "0.5", "AGENTFLOW_CHECK_PROCESSES": "99"}
    assert limits_of(load_settings(None, {}, own)) == Limits(GB // 2, 99)
    cgroup.write_text("max\n")
    assert machine_memory() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.security("L5")
def test_where_there_is_no_proc_nothing_is_seen(tmp_path, wrapper, monkeypatch):
    monkeypatch.setattr(processes, "PROC", tmp_path / "none")
    ended = run(python('x = b"x" * 400_000_000; import time; time.sleep(1)'), tmp_path)
    assert (ended.exit_code, ended.exceeded) == (0, "")
