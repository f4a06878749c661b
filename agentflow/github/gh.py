"""The one place `gh` is started, GitHub's own command line, which holds the user's login."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from agentflow.config.secrecy import redact
from agentflow.errors import EnvironmentError_, UpstreamError

_ENVIRONMENT = {
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "GH_PAGER": "cat",
    "NO_COLOR": "1",
}
#: What would make `gh` speak as to a terminal, or print requests with their tokens.
_DROPPED = frozenset({"GH_FORCE_TTY", "CLICOLOR_FORCE", "GH_DEBUG", "DEBUG"})
#: `gh` says with this exit code that a login is needed.
_NO_LOGIN = 4


@dataclass(frozen=True, slots=True)
class GhOutput:
    """What a `gh` process said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The first words about what went wrong."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return lines[0].removeprefix("gh: ") if lines else f"exit {self.returncode}"


async def gh(cwd: Path, *args: str, stdin: bytes = b"", timeout: float = 60.0) -> GhOutput:
    """Run `gh` in `cwd` to its end, or for `timeout` seconds; it and all it started are then killed.

    Words from outside may only stand where they cannot be read as an option: behind `--name=`, or within a word that
    starts otherwise. Raises EnvironmentError_ when `gh` is missing or not logged in, UpstreamError when it takes too
    long. What is sent is sent without secrets.
    """
    process = await _start(cwd, tuple(map(redact, args)))
    said = redact(stdin.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(said), timeout)
    except TimeoutError:
        raise UpstreamError(f"gh {args[0]} gave no answer within {timeout:g} s", hint="try again later") from None
    finally:
        await _end(process)
    output = GhOutput(process.returncode or 0, _text(stdout), _text(stderr))
    if output.returncode == _NO_LOGIN:
        raise EnvironmentError_(f"gh is not logged in: {output.complaint}", hint="gh auth login")
    return output


async def _start(cwd: Path, args: tuple[str, ...]) -> Process:
    program = shutil.which("gh")
    if program is None:
        raise EnvironmentError_(
            "gh was not found on PATH", hint="install it from https://cli.github.com: gh auth login"
        )
    env = {name: value for name, value in os.environ.items() if name not in _DROPPED} | _ENVIRONMENT
    return await asyncio.create_subprocess_exec(
        program, *args, cwd=cwd, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True
    )


async def _end(process: Process) -> None:
    """Nothing that `gh` started outlives it. macOS answers EPERM for a group of zombies."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")
