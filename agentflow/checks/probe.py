"""Whether a sandbox holds here: a trial inside of it does what it must not, and what checks must be able to.

A program that starts proves nothing: wrappers, old kernels and containers start sandboxes that keep nothing out.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Given a worktree, a checkout to hide and the environment of a check, the argv prefix of the sandbox.
Around = Callable[[Path, Path, Mapping[str, str]], Sequence[str]]
PATIENCE_S = 20.0
#: So many of the user's own files are tried to be read.
_MOST_FILES = 20
#: Ends in a file of the worktree that says what could be done; judged by that, and by what is seen from outside.
_TRIAL = """
import glob, hashlib, json, os, socket, sys
given, told = json.loads(sys.argv[1]), {}
def seen(path):
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read(4096)).hexdigest()
    except OSError:
        return ""
told["seen"] = [seen(path) for path in given["files"]]
try:
    open(os.path.join(given["outside"], "written"), "wb").close()
except OSError:
    pass
try:
    socket.create_connection(("127.0.0.1", given["port"]), 2).close()
except OSError:
    pass
def environments():
    for place in glob.glob("/proc/[0-9]*/environ"):
        try:
            yield open(place, "rb").read()
        except OSError:
            pass
told["environment"] = any(given["secret"].encode() in found for found in environments())
with open("told", "w") as file:
    json.dump(told, file)
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """What a trial is made in. `canary` lies in the checkout, which is hidden."""

    worktree: Path
    checkout: Path
    outside: Path

    @property
    def canary(self) -> Path:
        return self.checkout / "canary"


def failing(around: Around) -> str:
    """What this sandbox does not keep from checks, or keeps from them though they need it; empty when it holds."""
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            place = _place(Path(folder).resolve())
            return next(_faults(around, place), "")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return f"it does not start: {error}"


def _place(folder: Path) -> _Place:
    place = _Place(folder / "worktree", folder / "checkout", folder / "outside")
    for path in (place.worktree, place.checkout, place.outside):
        path.mkdir()
    place.canary.write_bytes(b"hidden")
    return place


def _faults(around: Around, place: _Place) -> Iterator[str]:
    files = {path: _beginning(path) for path in (place.canary, *_own_files())}
    with socket.create_server(("127.0.0.1", 0)) as listener, _process_with(secret := secrets.token_hex()) as process:
        given = {
            "files": [str(path) for path in files],
            "outside": str(place.outside),
            "port": listener.getsockname()[1],
            "secret": secret,
        }
        said = _tried(around, place, given)
        process.kill()
        was_reached = bool(select.select([listener], [], [], 0)[0])
    try:
        told = json.loads((place.worktree / "told").read_bytes())
    except (OSError, ValueError):
        told = {}
        yield f"a program does not get what it needs in there: {said or 'it cannot write in the worktree'}"
    seen = zip(files.items(), told.get("seen", ()), strict=False)
    yield from (f"it lets {path} be read" for (path, content), found in seen if found == content)
    if told.get("environment"):
        yield "it lets the environment of other processes be read"
    if was_reached:
        yield "it lets the network be reached"
    if (place.outside / "written").exists():
        yield "it lets files outside of the worktree be written"


def _tried(around: Around, place: _Place, given: Mapping[str, object]) -> str:
    """The last line of what the trial said, which says nothing when all is well."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    prefix = around(place.worktree, place.checkout, environment)
    ended = subprocess.run(
        [*prefix, sys.executable, "-I", "-S", "-c", _TRIAL, json.dumps(given)],
        cwd=place.worktree, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S,
        check=False,
    )  # fmt: skip
    lines = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit status {ended.returncode}" if ended.returncode else ""


def _process_with(secret: str) -> subprocess.Popen[bytes]:
    """Another process of the user's, with something in its environment. It ends with its stdin at the latest."""
    return subprocess.Popen(["/bin/cat"], env={"AGENTFLOW_TRIAL": secret}, stdin=subprocess.PIPE, close_fds=True)


def _own_files() -> list[Path]:
    """Files right in the user's home that can be read."""
    home = Path(os.environ.get("HOME") or "/").resolve()
    if home == Path("/"):
        return []
    try:
        found = sorted(path for path in home.iterdir() if path.is_file() and os.access(path, os.R_OK))
    except OSError:
        return []
    return [path for path in found if path.stat().st_size][:_MOST_FILES]


def _beginning(path: Path) -> str:
    """Its hash, as the trial tells it: what stands in for a file, as for git's settings, has another one."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(4096)).hexdigest()
