"""Bubblewrap around checks and set-up, which run what models wrote: nothing outside is read, written or reached."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agentflow.checks.probe import failing
from agentflow.config.paths import bubblewrap, cache_dir, config_dir, state_dir, user_home
from agentflow.config.shown import shown_for
from agentflow.errors import EnvironmentError_

#: Emptied beside the home directory: other programs' files, and the sockets of agents and services.
_SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/run"))  # noqa: S108  hidden, never written
#: Where the user's settings and files may lie outside the home directory.
_MOVED_HOMES = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
#: Below the home directory, what toolchains read. Not `.npm` or `.config`: they hold tokens.
_TOOLCHAINS = (
    ".rustup", "go", ".pyenv", ".nvm", ".rbenv", ".volta", ".asdf", ".sdkman/candidates", ".m2/repository",
    ".local/bin", ".local/share/uv", ".local/share/mise", ".local/share/pnpm", ".cache/ms-playwright",
)  # fmt: skip
#: Below CARGO_HOME; `credentials.toml` lies beside them.
_CARGO = ("bin", "registry", "git")
_TOOLCHAIN_VARIABLES = (
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "RUSTUP_HOME", "GOROOT", "GOPATH", "JAVA_HOME", "NVM_DIR",
    "UV_PYTHON_INSTALL_DIR", "VOLTA_HOME", "RBENV_ROOT", "ASDF_DIR", "ASDF_DATA_DIR", "NODE_PATH",
)  # fmt: skip

#: What programs say of a file that is not there or cannot be written, with its name before or after the words.
_COMPLAINT = re.compile(
    r"(?P<before>/[^\s'\":]+)?['\"]?[: ]*"
    r"(?:(?P<write>Read-only file system|EROFS)|No such file or directory|ENOENT)[^\n/]{0,60}(?P<after>/[^\s'\":]+)?",
)


@dataclass(frozen=True, slots=True)
class CheckSandbox:
    """What stands around the checks and set-up of one repository.

    `checkout` and `common_dir` are the user's: the first is hidden but for its virtualenv, the second can be read.
    `git_config` and `user_git_config` stand in for the repository's own and the user's, which may hold logins; those of
    its worktrees and submodules are empty.
    """

    checkout: Path
    common_dir: Path
    git_config: Path
    user_git_config: Path

    def command(
        self, worktree: Path, writable: Sequence[Path], environment: Mapping[str, str], *, network: bool
    ) -> list[str]:
        """The argv prefix that runs a command in there, its working directory the worktree.

        The file system is read-only but for `worktree` and `writable` (which must exist). Home, /tmp, /var/tmp, /run,
        agentflow's own folders and the checkout are empty but for what PATH and the toolchains in `environment`, the
        check's own, need. Own process and network namespaces, the latter with a loopback of its own: no process
        survives, and without `network` nothing outside is reached. Raises EnvironmentError_ without bubblewrap.
        """
        home = _home(environment)
        hidden = _hidden(environment, home, self.checkout)
        shown = [*_needed(environment, home, (worktree, *writable)), *(_name_resolution() if network else ())]
        needed = [path for path in dict.fromkeys(shown) if _is_hidden(path, hidden, home) and path != self.checkout]
        return [
            _bubblewrap(), "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            *(() if network else ("--unshare-net",)), "--die-with-parent", "--cap-drop", "ALL",
            "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
            *(word for folder in hidden for word in ("--tmpfs", str(folder))),
            *(word for path in needed for word in ("--ro-bind", str(path), str(path.parent.resolve() / path.name))),
            *_bound("--ro-bind", [self.common_dir]),
            "--ro-bind", str(self.git_config), str(self.common_dir.resolve() / "config"),
            *(word for path in _other_configs(self.common_dir) for word in ("--ro-bind", os.devnull, str(path))),
            *(("--ro-bind", str(self.user_git_config), str(home / ".gitconfig")) if home in hidden else ()),
            *_bound("--bind", [worktree, *writable]),
            "--setenv", "TMPDIR", "/tmp", "--chdir", str(worktree), "--",  # noqa: S108  the sandbox's own
        ]  # fmt: skip

    def kept_away(self, said: str, environment: Mapping[str, str]) -> str:
        """Of what a check printed, the first complaint about a file that the sandbox keeps from it; empty for none."""
        home = _home(environment)
        hidden = _hidden(environment, home, self.checkout)
        for found in _COMPLAINT.finditer(said):
            path = Path(found["before"] or found["after"] or "/")
            if found["write"] and path.parent.exists():
                return f"the sandbox lets nothing be written to {path}"
            if os.path.lexists(path) and any(path.is_relative_to(folder) for folder in hidden):
                return f"the sandbox hides {path}"
        return ""


def bubblewrap_works() -> bool:
    """Whether checks and set-up, and by Claude Code's own means the Bash of workers, can be confined here."""
    return not why_no_sandbox()


@cache
def why_no_sandbox() -> str:
    """What is missing, or what a trial inside the sandbox found that it does not hold; empty when it does.

    Containers and hardened kernels often forbid the namespaces it needs. socat is for Claude Code's own sandbox.
    """
    if sys.platform != "linux":
        return "there is none for this system yet"
    missing = [name for name, found in (("bubblewrap", bubblewrap()), ("socat", shutil.which("socat"))) if not found]
    if missing:
        return f"{' and '.join(missing)} missing"
    return failing(around_trial)


def around_trial(worktree: Path, checkout: Path, environment: Mapping[str, str]) -> list[str]:
    """The sandbox as checks have it, around a repository of nothing."""
    config = checkout.parent / "git" / "config"
    config.parent.mkdir(exist_ok=True)
    config.touch()
    return CheckSandbox(checkout, config.parent, config, config).command(worktree, (), environment, network=False)


def _bubblewrap() -> str:
    if found := bubblewrap():
        return found
    raise EnvironmentError_("bubblewrap is not installed", hint="install bubblewrap, or use --sandbox off")


def _bound(option: str, paths: Sequence[Path]) -> Iterator[str]:
    """Bubblewrap does not follow links on the way to where it binds."""
    for path in paths:
        yield from (option, str(path), str(path.resolve()))


def _other_configs(common_dir: Path) -> Iterator[Path]:
    """Configuration beside the repository's own, which may hold logins too: of one worktree, of submodules."""
    common_dir = common_dir.resolve()
    own = (common_dir / "config.worktree", *common_dir.glob("worktrees/*/config.worktree"))
    yield from (path for path in own if path.is_file())
    for folder, folders, files in os.walk(common_dir / "modules"):
        if "HEAD" in files:  # a git directory, of which only submodules of its own matter
            folders[:] = [name for name in folders if name == "modules"]
        if "config" in files:
            yield Path(folder, "config")


def _hidden(environment: Mapping[str, str], home: Path, checkout: Path) -> list[Path]:
    moved = (Path(environment[name]) for name in _MOVED_HOMES if environment.get(name, "").startswith("/"))
    wanted = (home, *_SHARED, *moved, state_dir(), cache_dir(), config_dir(), checkout)
    found = sorted({folder.resolve() for folder in wanted if folder.is_dir()} - {Path("/")})
    return [folder for folder in found if not any(folder.is_relative_to(other) for other in found if other != folder)]


def _name_resolution() -> Iterator[Path]:
    """What tells the addresses of name servers is often a link into /run."""
    for path in (Path("/etc/resolv.conf"), Path("/etc/hosts")):
        if path.is_symlink():
            yield path.resolve()


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or user_home()).resolve()


def _needed(environment: Mapping[str, str], home: Path, writable: Sequence[Path]) -> Iterator[Path]:
    """Existing folders in which commands on PATH, their virtualenvs and the toolchains' files are."""
    cargo = Path(environment.get("CARGO_HOME") or home / ".cargo")
    named = [Path(environment[name]) for name in _TOOLCHAIN_VARIABLES if environment.get(name)]
    folders = [*(home / name for name in _TOOLCHAINS), *(cargo / name for name in _CARGO), *named]
    for name in ("PATH", "PYTHONPATH"):
        folders += [Path(entry) for entry in environment.get(name, "").split(os.pathsep) if entry.startswith("/")]
    for folder in dict.fromkeys(folders):
        yield from shown_for(folder, (*writable, cache_dir()))


def _is_hidden(folder: Path, hidden: Sequence[Path], home: Path) -> bool:
    """Whether a folder must be shown again. Home itself never is, nor a folder around it."""
    return (
        folder.exists()
        and not home.is_relative_to(folder.resolve())
        and any(folder.is_relative_to(other) and folder != other for other in hidden)
    )
