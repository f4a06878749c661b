"""Running one shell command to its end, whatever it starts and prints."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agentflow.checks.limits import kill_below, overrun
from agentflow.checks.output import BoundedLog
from agentflow.config.own_path import without_left_out
from agentflow.domain.evidence import Limits
from agentflow.errors import EnvironmentError_

#: Seconds a timed-out command has between TERM and KILL.
GRACE_S = 2.0
#: Seconds to wait for the last output once the command has ended; a daemon may hold the pipe for ever.
DRAIN_S = 1.0
_USUAL = Limits()
#: Runs its arguments as a command, with a watcher in the same process group. Standard input is a pipe whose other end
#: agentflow holds: when it closes, because agentflow was killed, the watcher kills the group. It is nobody's child, so
#: that a command which waits for all of its children does not wait for it.
#: No core is dumped: it would hold the memory of what crashed, and lie about in the worktree.
_LEASH = 'ulimit -c 0; exec 3<&0 </dev/null; ( { read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & ); exec "$@" 3<&-'


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. `exit_code` is None when it ran out of time, 128 + n when signal n ended it.

    `exceeded`: which limit it was killed for, in words.
    """

    exit_code: int | None
    duration_s: float
    output_tail: str
    exceeded: str = ""


async def run_command(
    command: str,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    log: Path,
    *,
    wrapper: Sequence[str] = (),
    pipefail: bool = False,
    limits: Limits = _USUAL,
) -> CommandResult:
    """Run `/bin/sh -c command`, behind the argv prefix `wrapper`, with its output in the file `log`.

    With `pipefail` bash runs it, where there is one that is not the repository's own, and a pipeline fails when any
    part of it does.
    The command leads its own session with stdin closed. When it ends, runs out of time or is cancelled, or agentflow
    itself is killed, its whole process group is killed, so nothing it started in the background outlives it. So it is
    when it exceeds `limits`. Raises EnvironmentError_ when it cannot be started.
    """
    started = time.monotonic()
    bash = shutil.which("bash", path=without_left_out(env.get("PATH", os.defpath))) if pipefail else None
    shell = [bash, "-o", "pipefail"] if bash else ["/bin/sh"]
    argv = [*wrapper, *shell, "-c", command]
    with BoundedLog(log) as output, _leash() as leash:
        async with _Pipe(output.write) as pipe:
            process = await _start(argv, cwd, env, leash, pipe)
            in_time, exceeded = await _ends_in_time(process, timeout_s, limits)
            await pipe.drain()
        if exceeded or not in_time:
            why = f": {exceeded}" if exceeded else f" after {timeout_s:g} s"
            output.write(f"\n[agentflow stopped this check{why}]\n".encode())
        return CommandResult(_exit_code(process, in_time), time.monotonic() - started, output.tail(), exceeded)


class _Pipe(asyncio.Protocol):
    """A pipe whose bytes go to `write`.

    Our own, not asyncio's: with that, waiting for a process can mean waiting for everyone who holds its output.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        reading, self.writing = os.pipe()
        source = os.fdopen(reading, "rb", buffering=0)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, source)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._closed.set()

    async def drain(self) -> None:
        """Wait for the last output, but not for a daemon that left the group and holds the pipe."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), DRAIN_S)


@contextlib.contextmanager
def _leash() -> Iterator[int]:
    """The end that the command gets; the other one is closed when the context or this process ends."""
    reading, holding = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(holding)


async def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str], leash: int, pipe: _Pipe) -> Process:
    leashed = ["/bin/sh", "-c", _LEASH, "sh", *argv]
    try:
        if shutil.which(argv[0], path=env.get("PATH")) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return await asyncio.create_subprocess_exec(
            *leashed, cwd=cwd, env=env, stdin=leash, stdout=pipe.writing, stderr=STDOUT, start_new_session=True
        )
    except OSError as error:
        raise EnvironmentError_(
            f"cannot start {argv[0]!r} in {str(cwd)!r}: {error.strerror}",
            hint="see that the worktree still exists and that the sandbox is installed",
        ) from error
    finally:
        os.close(pipe.writing)


async def _ends_in_time(process: Process, timeout_s: float, limits: Limits) -> tuple[bool, str]:
    """Whether the command ended in time, and which limit it was killed for.

    Its process group is gone either way, cancelled or not.
    """
    ending, watching = asyncio.ensure_future(process.wait()), asyncio.ensure_future(overrun(process.pid, limits))
    try:
        done, _ = await asyncio.wait((ending, watching), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if watching in done and not ending.done():
            kill_below(process.pid)
            return True, watching.result()
        if not done:
            await _terminate(process.pid)
        return bool(done), ""
    finally:
        watching.cancel()
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


async def _terminate(group: int) -> None:
    """Ask the group to end and give it a short grace."""
    ends = time.monotonic() + GRACE_S
    alive = _signal_group(group, signal.SIGTERM)
    while alive and time.monotonic() < ends:
        await asyncio.sleep(0.05)
        alive = _signal_group(group, 0)


def _signal_group(group: int, number: int) -> bool:
    """Whether there was anyone to signal. macOS answers EPERM for a group of zombies."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _exit_code(process: Process, in_time: bool) -> int | None:
    if not in_time or process.returncode is None:
        return None
    return process.returncode if process.returncode >= 0 else 128 - process.returncode
