#!/usr/bin/env python3
"""Wheel and sdist on every Python that is here, with lowest and newest dependencies, and as another user than root.

Each case installs what a user would get into an environment of its own and shows that it works: the demo, and tests
that need no model. `--quick` leaves the tests out, `--only WORD` takes the cases whose name holds the word, and after
`--minutes N` no further one is begun. Ends with 1 when a case fails; a case that is skipped says why.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
#: Tests of rules that need neither the real Claude Code CLI nor much time.
FAST = ("tests/domain", "tests/config", "tests/routing", "tests/store", "tests/report", "tests/review")
#: Tests of what only an unpacked source distribution can lack: files that it forgot.
FILES = (*FAST, "tests/test_packaging.py", "tests/github/test_workflow_files.py", "tests/claude_code/test_plugin.py")
GROUPS = ("--group", f"{ROOT / 'pyproject.toml'}:test")
INHERITED = ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE")


class CannotTryError(Exception):
    """The case cannot run here."""


@dataclass
class Case:
    """`act` does the work in a folder of its own, and raises CalledProcessError when it fails."""

    name: str
    act: Callable[[Path], None]
    outcome: str = field(default="")


def python(version: str) -> str:
    """An interpreter of this version: on PATH, of pyenv, or of uv."""
    for found in _interpreters(version):
        told = subprocess.run([found, "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"],
                              capture_output=True, text=True, check=False)  # fmt: skip
        if told.stdout.strip() == version:
            return found
    raise CannotTryError(f"there is no Python {version} here")


def _interpreters(version: str) -> Iterator[str]:
    if found := shutil.which(f"python{version}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True))
    if uv := shutil.which("uv"):
        told = subprocess.run([uv, "python", "find", "--no-python-downloads", version],
                              capture_output=True, text=True, check=False)  # fmt: skip
        if told.returncode == 0:
            yield told.stdout.strip()


def run(*command: str | Path, cwd: Path, **env: str) -> None:
    """Raises CalledProcessError, with what was said."""
    base = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(("PIP_", "UV_"))}
    everything = {**base, "HOME": str(cwd / "home"), **env}
    Path(everything["HOME"]).mkdir(exist_ok=True)
    subprocess.run([str(word) for word in command], cwd=cwd, env=everything, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip


def environment(place: Path, version: str, *what: str | Path, constraints: str) -> Path:
    """A new virtual environment's `bin`, with these things installed in the versions that the constraints name."""
    run(python(version), "-m", "venv", "--without-pip", place / "venv", cwd=place)
    pip = (tools(place), "-m", "pip", "--python", place / "venv/bin/python", "install", "--quiet")
    run(*pip, "--constraint", ROOT / "constraints" / f"{constraints}.txt", *what, cwd=place)
    return place / "venv/bin"


def tools(place: Path) -> Path:
    """A Python with a pip that knows dependency groups, and hatchling."""
    found = place / "tools/bin/python"
    if not found.exists():
        run(sys.executable, "-m", "venv", place / "tools", cwd=place)
        run(found, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1", "hatchling>=1.27", cwd=place)
    return found


def built(place: Path, kind: str) -> Path:
    """The package as a wheel or an sdist."""
    run(tools(place), "-m", "hatchling", "build", "-t", kind, "-d", place / "dist", cwd=ROOT, HOME=str(place / "home"))
    return next((place / "dist").iterdir())


def _has(version: str) -> bool:
    try:
        python(version)
    except CannotTryError:
        return False
    return True


def demo(bin_folder: Path, place: Path) -> None:
    run(
        bin_folder / "agentflow",
        "demo",
        "--folder",
        place / "demo",
        cwd=place,
        PATH=f"{bin_folder}:{os.environ['PATH']}",
    )


def tests(bin_folder: Path, tree: Path, place: Path, *which: str) -> None:
    """The tree's tests of what is installed: `-P` keeps the tree itself out of the way."""
    pytest = ("-P", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-m", "not long and not cli")
    path = f"{bin_folder}:{os.environ['PATH']}"
    run(bin_folder / "python", *pytest, *which, cwd=tree, HOME=str(place / "home"), PATH=path)


def cases(*, quick: bool) -> Iterator[Case]:
    for version in (PYTHONS[0], PYTHONS[-1]):
        yield Case(f"python {version}, lowest dependencies, wheel", partial(installed, version, "lowest", quick=quick))
    for version in reversed(PYTHONS):
        yield Case(f"python {version}, newest dependencies, wheel", partial(installed, version, "newest", quick=quick))
    yield Case("sdist, unpacked, tests itself", partial(unpacked, quick=quick))
    yield Case("another user than root", as_nobody)


def installed(version: str, constraints: str, place: Path, *, quick: bool) -> None:
    python(version)
    found = environment(place, version, built(place, "wheel"), *GROUPS, constraints=constraints)
    demo(found, place)
    if not quick:
        tests(found, ROOT, place, *FAST)


def unpacked(place: Path, *, quick: bool) -> None:
    shutil.unpack_archive(built(place, "sdist"), place / "sdist", filter="data")
    (tree,) = (place / "sdist").iterdir()
    found = environment(place, next(filter(_has, PYTHONS)), tree, *GROUPS, constraints="newest")
    demo(found, place)
    if not quick:
        tests(found, tree, place, *FILES)


def as_nobody(place: Path) -> None:
    if os.geteuid() != 0:
        raise CannotTryError("this is another user already")
    user = pwd.getpwnam("nobody").pw_uid
    version = next((version for version in filter(_has, PYTHONS) if _reaches(user, version)), None)
    if version is None:
        raise CannotTryError("no other user may start one of the interpreters")
    found = environment(place, version, built(place, "wheel"), constraints="newest")
    own = place / "own"
    own.mkdir()
    os.chown(own, user, -1)
    become = ("setpriv", f"--reuid={user}", "--clear-groups")
    path = f"{found}:{os.environ['PATH']}"
    run(*become, found / "agentflow", "demo", "--folder", own / "demo", cwd=own, HOME=str(own), PATH=path)


def _reaches(user: int, version: str) -> bool:
    try:
        tried = subprocess.run([python(version), "-c", ""], user=user, check=False, capture_output=True, cwd="/")
    except OSError:
        return False
    return tried.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    given = parser.parse_args()
    chosen = [case for case in cases(quick=given.quick) if given.only in case.name]
    deadline = time.monotonic() + 60 * given.minutes
    for case in chosen:
        began = time.monotonic()
        if began > deadline:
            case.outcome = "skipped: no time left"
            print(f"{case.name}: {case.outcome}")
            continue
        with tempfile.TemporaryDirectory(prefix="agentflow-matrix-") as folder:
            Path(folder).chmod(0o755)
            try:
                case.act(Path(folder))
                case.outcome = "passed"
            except CannotTryError as why:
                case.outcome = f"skipped: {why}"
            except subprocess.CalledProcessError as failed:
                print("\n".join(str(failed.stdout).splitlines()[-30:]))
                case.outcome = f"FAILED: {' '.join(map(str, failed.cmd))[:200]}"
        print(f"{case.name}: {case.outcome} ({time.monotonic() - began:.0f} s)", flush=True)
    return any(case.outcome.startswith("FAILED") for case in chosen)


if __name__ == "__main__":
    sys.exit(main())
