"""Bubblewrap around checks (`--sandbox full`): no network, no home, nothing writable but the worktree."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from agentflow.config.paths import user_home

#: Emptied beside the home directory: other programs' files, and the sockets of agents and services.
_SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/run"))  # noqa: S108  hidden, never written
#: Below the home directory, what toolchains read. Not `.npm` or `.config`: they hold tokens.
_TOOLCHAINS = (
    ".rustup", "go", ".pyenv", ".nvm", ".rbenv", ".volta", ".asdf", ".sdkman/candidates",
    ".local/bin", ".local/share/uv", ".local/share/mise", ".local/share/pnpm",
)  # fmt: skip
#: Below CARGO_HOME; `credentials.toml` lies beside them.
_CARGO = ("bin", "registry", "git")
_TOOLCHAIN_VARIABLES = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "RUSTUP_HOME", "GOROOT", "GOPATH", "JAVA_HOME", "NVM_DIR",
    "UV_PYTHON_INSTALL_DIR", "VOLTA_HOME", "RBENV_ROOT", "ASDF_DIR", "ASDF_DATA_DIR", "NODE_PATH",
)  # fmt: skip


def bubblewrap_command(
    worktree: Path, writable: Sequence[Path], environment: Mapping[str, str] | None = None
) -> list[str]:
    """The argv prefix that runs a command in the sandbox, its working directory the worktree.

    The file system is read-only but for `worktree` and `writable` (which must exist); home, /tmp, /var/tmp and /run
    are empty but for what PATH and the toolchains in `environment` need: give the
    check's own (default: this process's). Own process and network namespaces: no network, and no process survives.
    """
    environment = os.environ if environment is None else environment
    home = _home(environment)
    hidden = sorted(folder for folder in (home, *_SHARED) if folder.is_dir() and folder != Path("/"))
    needed = [folder for folder in dict.fromkeys(_needed(environment, home)) if _is_hidden(folder, hidden, home)]
    return [
        "bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL",
        "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
        *(word for folder in hidden for word in ("--tmpfs", str(folder))),
        *(word for folder in needed for word in ("--ro-bind", str(folder), str(folder))),
        *(word for folder in (worktree, *writable) for word in ("--bind", str(folder), str(folder))),
        "--chdir", str(worktree), "--",
    ]  # fmt: skip


@cache
def bubblewrap_works() -> bool:
    """Whether bwrap and socat (for Claude Code's own sandbox) are installed and a sandbox starts here.

    Containers and hardened kernels often forbid the namespaces it needs.
    """
    if not (shutil.which("bwrap") and shutil.which("socat")):
        return False
    with tempfile.TemporaryDirectory() as folder:
        trial = [*bubblewrap_command(Path(folder), ()), "/bin/sh", "-c", "exit 0"]
        try:
            ended = subprocess.run(trial, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return ended.returncode == 0


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or user_home()).resolve()


def _needed(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Existing folders in which commands on PATH, their virtualenvs and the toolchains' files are."""
    cargo = Path(environment.get("CARGO_HOME") or home / ".cargo")
    named = [Path(environment[name]) for name in _TOOLCHAIN_VARIABLES if environment.get(name)]
    on_path = [Path(entry) for entry in environment.get("PATH", "").split(os.pathsep) if entry.startswith("/")]
    folders = [*(home / name for name in _TOOLCHAINS), *(cargo / name for name in _CARGO), *named, *on_path]
    folders += [Path(entry) for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry.startswith("/")]
    for folder in dict.fromkeys(folders):
        yield from (folder, folder.resolve())
        if (folder.parent / "pyvenv.cfg").is_file():
            yield from (folder.parent, (folder / "python").resolve().parent.parent)


def _is_hidden(folder: Path, hidden: Sequence[Path], home: Path) -> bool:
    """Whether a folder must be shown again. Home itself never is, nor a folder around it."""
    return (
        folder.is_dir()
        and not home.is_relative_to(folder.resolve())
        and any(folder.is_relative_to(other) and folder != other for other in hidden)
    )
