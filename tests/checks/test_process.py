import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentflow.checks.process import CommandResult, run_command
from agentflow.config.own_path import leave_out_repository
from agentflow.errors import EnvironmentError_

ENV = {"PATH": "/usr/bin:/bin"}


def run(command: str, folder: Path, timeout_s: float = 20, wrapper: tuple[str, ...] = ()) -> CommandResult:
    return asyncio.run(run_command(command, folder, ENV, timeout_s, folder / "log", wrapper=wrapper))


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pid: int) -> bool:
    """A killed process takes a moment to leave the table."""
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("exit 7", 7), ("no-such-program", 127)])
def test_the_exit_code_is_the_commands(tmp_path, command, code):
    assert run(command, tmp_path).exit_code == code


@pytest.mark.security("T8")
def test_the_shell_of_a_pipeline_is_none_of_the_repositorys(world, monkeypatch):
    root = world.repository({"tools/bash": "#!/bin/sh\nexit 0\n"})
    (root / "tools/bash").chmod(0o755)
    monkeypatch.setenv("PATH", f"{root}/tools:/usr/bin:/bin")
    env = {"PATH": os.environ["PATH"]}
    leave_out_repository(root)
    told = asyncio.run(run_command("false | true", root, env, 20, world.folder / "log", pipefail=True))
    assert told.exit_code == 1


def test_a_signal_is_told_as_shells_tell_it(tmp_path):
    assert run("kill -SEGV $$", tmp_path).exit_code == 128 + signal.SIGSEGV


def test_both_streams_are_in_the_log_and_in_the_tail(tmp_path):
    result = run("echo out; echo err >&2", tmp_path)
    assert (tmp_path / "log").read_text() == "out\nerr\n"
    assert result.output_tail == "out\nerr"


def test_stdin_is_closed(tmp_path):
    assert run("cat", tmp_path).exit_code == 0


def test_only_the_given_environment_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "canary")
    assert "canary" not in run("env", tmp_path).output_tail


def test_out_of_time_kills_grandchildren_that_hold_the_pipe(tmp_path):
    result = run("sh -c 'sleep 100 & echo $! > child; wait'", tmp_path, timeout_s=0.5)
    assert result.exit_code is None
    assert "stopped this check after 0.5 s" in result.output_tail
    assert wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_command_that_ignores_term_is_killed(tmp_path):
    result = run("trap '' TERM; echo $$ > self; while :; do sleep 0.1; done", tmp_path, timeout_s=0.3)
    assert result.exit_code is None
    assert wait_until_gone(int((tmp_path / "self").read_text()))


def test_a_background_child_does_not_outlive_the_command(tmp_path):
    result = run("sleep 100 & echo $! > child; echo done", tmp_path)
    assert (result.exit_code, result.output_tail) == (0, "done")
    assert wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_daemon_that_left_the_group_does_not_hold_the_command_up(tmp_path):
    result = run("setsid sleep 1000 & echo $! > child; echo done", tmp_path)
    os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)
    assert (result.exit_code, result.output_tail) == (0, "done")


def test_cancelling_kills_the_group_and_stays_a_cancellation(tmp_path):
    os.mkfifo(tmp_path / "child")

    async def cancel_once_it_runs() -> int:
        command = "sleep 1000 & echo $! > child; wait"
        task = asyncio.create_task(run_command(command, tmp_path, ENV, 60, tmp_path / "log"))
        pid = int(await asyncio.to_thread((tmp_path / "child").read_text))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert wait_until_gone(asyncio.run(cancel_once_it_runs()))


def test_a_wrapper_stands_in_front(tmp_path):
    assert run("echo $MARK", tmp_path, wrapper=("env", "MARK=wrapped")).output_tail == "wrapped"


@pytest.mark.parametrize(("folder", "wrapper"), [("gone", ()), (".", ("no-such-wrapper",))])
def test_what_cannot_start_is_an_environment_error(tmp_path, folder, wrapper):
    with pytest.raises(EnvironmentError_, match="cannot start"):
        asyncio.run(run_command("true", tmp_path / folder, ENV, 5, tmp_path / "log", wrapper=wrapper))


def test_no_file_descriptor_is_left_open(tmp_path):
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def many() -> tuple[int, int]:
        await run_command("true", tmp_path, ENV, 5, tmp_path / "log")
        before = open_files()
        for _ in range(5):
            await run_command("true", tmp_path, ENV, 5, tmp_path / "log")
            with pytest.raises(EnvironmentError_):
                await run_command("true", tmp_path / "gone", ENV, 5, tmp_path / "log")
        await asyncio.sleep(0)
        return before, open_files()

    before, after = asyncio.run(many())
    assert after <= before


PARENT = """
import asyncio, sys
from pathlib import Path
from agentflow.checks.process import run_command
asyncio.run(run_command(sys.argv[1], Path("."), {"PATH": "/usr/bin:/bin"}, 60, Path("log")))
"""


def test_a_command_dies_with_the_agentflow_that_started_it(tmp_path):
    command = "sleep 97 & echo $! > child.tmp; mv child.tmp child; wait"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, command], cwd=tmp_path)
    while not (tmp_path / "child").exists():
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    assert wait_until_gone(int((tmp_path / "child").read_text()))


def test_a_command_that_waits_for_all_of_its_children_ends(tmp_path):
    reaper = "import os\ntry:\n    while True: os.wait()\nexcept ChildProcessError: print('childless')"
    (tmp_path / "reaper.py").write_text(reaper)
    assert run(f"{sys.executable} reaper.py", tmp_path).output_tail == "childless"
