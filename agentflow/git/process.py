"""One git process: started, waited for, and ended where what it waits for never comes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from agentflow.errors import EnvironmentError_
from agentflow.git.detours import waited_for

#: The GIT_* variables a person sets for all their repositories; every other one is not passed on.
_INHERITED = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH"
    r"|SSH|SSH_COMMAND|SSL_\w+|LFS_\w+)"
)
#: Seconds after which the checkout is looked at for what git may wait for.
SLOW = 5.0
#: Seconds beyond those that a command which only reads may take: it can be ended at any moment.
MOST = 120.0
_READING = re.compile(
    r"cat-file|check-(attr|ignore)|config|diff(-files|-index|-tree)?|for-each-ref|grep|log|ls-(files|tree)|merge-base"
    r"|rev-(list|parse)|status"
)


@dataclass(frozen=True, slots=True)
class GitOutput:
    """What a git process said. Bytes that are not UTF-8 are kept as surrogates, so `encode` gives them back."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0

    @property
    def line(self) -> str:
        """A one-value answer without its line end; a path that ends in a newline keeps it."""
        return self.stdout.removesuffix("\n")

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines as git ends them. Names may hold characters that Python, too, takes for the end of a line."""
        return tuple(self.stdout.removesuffix("\n").split("\n")) if self.stdout else ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The NUL-terminated parts of a `-z` answer."""
        return tuple(self.stdout.split("\0")[:-1])


def run(cwd: Path, options: Sequence[str], args: Sequence[str], env: Mapping[str, str], stdin: bytes) -> GitOutput:
    """Run `git OPTIONS ARGS` in `cwd` and wait for its end.

    Raises EnvironmentError_ when git is missing, when it waits for a file that is a pipe or a device, and when a
    command that only reads has not answered in two minutes. Git has been ended then.
    """
    try:
        from git.cmd import Git
        from git.exc import GitCommandNotFound
    except ImportError as error:
        raise _missing() from error
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        try:
            running = Git(cwd).execute(
                # GitPython falls back to another directory when cwd is unusable; -C makes that an error.
                [*_unset(env), "git", "-C", str(cwd), *options, *args],
                istream=cast(BinaryIO, given),
                env=env,
                as_process=True,
                start_new_session=True,
            )
        except GitCommandNotFound as error:
            raise _missing() from error
        # `running` ends the process when it is collected.
        process = cast("subprocess.Popen[bytes]", running.proc)
        stdout, stderr = _answer(process, cwd, args)
    said = (stdout.decode("utf-8", "surrogateescape"), stderr.decode("utf-8", "surrogateescape"))
    return GitOutput(process.returncode, *said)


def _answer(process: subprocess.Popen[bytes], cwd: Path, args: Sequence[str]) -> tuple[bytes, bytes]:
    odd = None
    for patience in (SLOW, MOST if _READING.fullmatch(args[0]) else None):
        try:
            return process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            if odd := waited_for(cwd):
                break
    _end(process)
    if odd:
        raise EnvironmentError_(
            f"git {args[0]} waits for {odd}, which is a pipe or a device and no file", hint="look at it, and remove it"
        )
    raise EnvironmentError_(f"git {args[0]} has not answered in {MOST:.0f} seconds in {cwd}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask first: git removes its locks before it ends."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            process.communicate(timeout=SLOW)
        except subprocess.TimeoutExpired:
            continue
        return


def _unset(given: Mapping[str, str]) -> list[str]:
    """GitPython always passes the whole environment on; `env -u` takes out what would redirect git."""
    names = [n for n in os.environ if n.startswith("GIT_") and n not in given and not _INHERITED.fullmatch(n)]
    return ["env", *(word for name in names for word in ("-u", name))] if names else []


def _missing() -> EnvironmentError_:
    return EnvironmentError_("git was not found on PATH", hint="install git 2.38 or newer")
