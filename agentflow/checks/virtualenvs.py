"""Virtualenvs: which one a project uses, and one of agentflow's own layered on it, so that nothing writes to the first.

The layer is a `.pth` file: after its own packages, agentflow's virtualenv sees those of the one below, and the scripts
of that one are there again with the upper interpreter.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from agentflow.config.own_path import without_left_out
from agentflow.config.reading import read_file
from agentflow.errors import EnvironmentError_

_LAYER = "zz_agentflow_layer.pth"
_CONDA_PROJECTS = ("environment.yml", "environment.yaml", "conda-lock.yml", "pixi.toml")
#: Files by which a tool's private virtualenv is known: of uv, of pipx.
_TOOL_MARKS = ("uv-receipt.toml", "pipx_metadata.json")
#: How long a shebang line may be on any Linux.
_SHEBANG_CHARS = 127
_MAKING_S = 300.0
_ASKING_S = 30.0


def virtualenv_of(checkout: Path) -> Path | None:
    """The virtualenv kept inside a checkout, if there is one."""
    folders = (checkout / name for name in (".venv", "venv"))
    return next((folder for folder in folders if (folder / "bin" / "python").exists()), None)


def users_environment(
    checkout: Path, inherited: Mapping[str, str], folder: str = "", tracked: Collection[Path] = ()
) -> Path | None:
    """The environment in which the user works on this checkout, or on the project in a `folder` of it, nearest first.

    The folder's own or the one that poetry or pipenv keep for it, then the checkout's, then conda's, then whichever is
    active. Never one that holds files of the repository's own (`tracked`): nobody made that here.
    """
    found = filter(None, _candidates(checkout, inherited, folder))
    return next((one for one in found if {one, one.resolve()}.isdisjoint(tracked)), None)


def _candidates(checkout: Path, inherited: Mapping[str, str], folder: str) -> Iterator[Path | None]:
    path = without_left_out(inherited.get("PATH", os.defpath))
    for place in (checkout / folder, checkout) if folder else (checkout,):
        yield virtualenv_of(place)
        yield _kept_elsewhere(place, path)
    yield _conda(checkout, inherited)
    yield active(inherited)


def active(inherited: Mapping[str, str]) -> Path | None:
    """The active virtualenv, unless it is the private one of a tool (agentflow's own, say, from uvx or pipx)."""
    folder = Path(inherited.get("VIRTUAL_ENV") or "-")
    is_tools = any((folder / mark).exists() for mark in _TOOL_MARKS) or "archive-v0" in folder.parts
    return folder if folder.is_absolute() and not is_tools else None


def interpreter_in(environment: Mapping[str, str]) -> Path | None:
    """The Python that commands get to see, none of the repository's own."""
    chosen = [f"{environment[name]}/bin" for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if environment.get(name)]
    path = without_left_out(environment.get("PATH", os.defpath), chosen)
    found = shutil.which("python", path=path) or shutil.which("python3", path=path)
    return Path(found) if found else None


def make_layered(place: Path, environment: Mapping[str, str]) -> None:
    """A virtualenv at `place` on top of the environment whose Python is first on PATH, with a pip that works.

    Raises EnvironmentError_ when it cannot be made.
    """
    python = interpreter_in(environment)
    if python is None:
        raise EnvironmentError_("no Python was found on PATH to make a virtualenv with", hint="install Python 3")
    below = _virtualenv_around(python)
    has_pip = below is not None and any(below.glob("lib/python*/site-packages/pip"))
    sees_system = below is None or "include-system-site-packages = true" in _config(below)
    options = [*(["--without-pip"] if has_pip else []), *(["--system-site-packages"] if sees_system else [])]
    # Isolated, or it would take `venv` and other modules from the folder that agentflow was started in.
    _run([str(python), "-I", "-m", "venv", *options, str(place)], environment)
    add_layer(place, below)


def add_layer(place: Path, below: Path | None) -> None:
    """Let the virtualenv at `place` see the packages and scripts of the one `below`; harmless when it does already."""
    for site in place.glob("lib/python*/site-packages") if below else ():
        lower = below / site.relative_to(place) if below else site
        if lower.is_dir():  # of the same Python version
            (site / _LAYER).write_text(f"import site; site.addsitedir({str(lower)!r})\n", encoding="utf-8")
    for script in sorted((below / "bin").iterdir()) if below else ():
        _offer(script, place / "bin")


def below_of(environment: Mapping[str, str]) -> Path | None:
    """The virtualenv that a layered one would be put on."""
    python = interpreter_in(environment)
    return _virtualenv_around(python) if python else None


def _virtualenv_around(python: Path) -> Path | None:
    return python.parent.parent if (python.parent.parent / "pyvenv.cfg").is_file() else None


def _config(virtualenv: Path) -> str:
    return (virtualenv / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")


def _offer(script: Path, target: Path) -> None:
    """A script of the lower virtualenv, run by the upper one's Python."""
    upper = target / script.name
    if os.path.lexists(upper) or not script.is_file() or not os.access(script, os.X_OK):
        return
    if script.name.startswith(("python", "activate", "Activate", "deactivate")):
        return
    content = script.read_bytes()
    head, lower_python = content[:1000], os.fsencode(script.parent / "python")
    if content.startswith(b"#!") and lower_python in head:
        _, _, body = content.partition(b"\n")
        if content.startswith(b"#!/bin/sh"):  # uv and pip write a path that is too long, or has spaces, so
            body = content.split(b"'''\n", 1)[-1]
        upper.write_bytes(_shebang(target / "python") + body)
        upper.chmod(0o755)
    elif not content.startswith(b"#!"):
        upper.symlink_to(script)


def _shebang(python: Path) -> bytes:
    if len(str(python)) < _SHEBANG_CHARS - 2 and " " not in str(python):
        return f"#!{python}\n".encode()
    return f"#!/bin/sh\n'''exec' {shlex.quote(str(python))} \"$0\" \"$@\"\n' '''\n".encode()


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    try:
        ended = subprocess.run(
            command, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", errors="replace", timeout=_MAKING_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentError_(f"no virtualenv could be made with {command[0]}: {error}") from error
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise EnvironmentError_(
            f"no virtualenv could be made with {command[0]}: {said[-1] if said else 'it printed nothing'}",
            hint=f"see: {shlex.join(command)}",
        )


def _conda(checkout: Path, inherited: Mapping[str, str]) -> Path | None:
    """The active conda environment, where the project is one of conda's."""
    prefix = inherited.get("CONDA_PREFIX")
    is_conda = any((checkout / name).is_file() for name in _CONDA_PROJECTS)
    return Path(prefix) if prefix and is_conda and (Path(prefix) / "bin" / "python").exists() else None


@cache
def _kept_elsewhere(checkout: Path, path: str) -> Path | None:
    """The virtualenv that poetry or pipenv keep for this checkout in a folder of their own."""
    if _is_poetrys(checkout):
        asked = ["poetry", "env", "info", "--path"]
    elif (checkout / "Pipfile").is_file():
        asked = ["pipenv", "--venv"]
    else:
        return None
    if shutil.which(asked[0], path=path) is None:
        return None
    dropped = {"VIRTUAL_ENV", "CONDA_PREFIX"}
    env = {**{k: v for k, v in os.environ.items() if k not in dropped}, "PATH": path, "PIPENV_IGNORE_VIRTUALENVS": "1"}
    try:
        told = subprocess.run(
            asked, cwd=checkout, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
            errors="surrogateescape", timeout=_ASKING_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    folder = Path(told.stdout.strip() or "-")
    return folder if told.returncode == 0 and (folder / "bin" / "python").exists() else None


def _is_poetrys(checkout: Path) -> bool:
    with suppress(OSError):
        if b"[tool.poetry" in read_file(checkout / "pyproject.toml"):
            return True
    return (checkout / "poetry.lock").is_file()
