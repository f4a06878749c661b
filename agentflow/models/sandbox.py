"""The operating-system sandbox around a worker's Bash, as the CLI's `sandbox` settings.

Writes stay in the worktree, and out of the git directory it belongs to: the index is written by agentflow alone. There
is no network; the user's home and checkout, shared folders and agentflow's own are hidden but for toolchains, and no
credential variable is seen. Without bubblewrap and socat the CLI then refuses to start.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentflow.config.paths import cache_dir, config_dir, state_dir
from agentflow.config.reading import read_file
from agentflow.config.shown import shown_for
from agentflow.models.login import VARIABLES

SECRETS = (*VARIABLES.values(), "CLAUDE_CODE_MESSAGING_TOKEN")
#: Toolchains below the home that commands need; folders that hold credentials are left out (`~/.cargo` itself).
TOOLCHAINS = (
    *(".pyenv", ".rbenv", ".nvm", ".volta", ".asdf", ".sdkman", ".rustup", ".cargo/bin", ".cargo/registry"),
    *(".local/bin", ".local/lib", ".local/share/mise", ".local/share/uv", ".local/pipx", "go", ".bun/bin"),
)
#: Other programs' files, and sockets of services. Elsewhere than on Linux the CLI's own lie below one of these.
_SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/run")) if sys.platform == "linux" else ()  # noqa: S108  hidden only

#: What the sandbox shields in a worktree while a command runs, by mounting over empty files it makes.
_SHIELDED = (
    *(".bash_profile", ".bashrc", ".gitconfig", ".gitmodules", ".idea", ".mcp.json", ".profile", ".ripgreprc"),
    *(".vscode", ".zprofile", ".zshrc"),
    *(".claude/agents", ".claude/commands", ".claude/hooks", ".claude/launch.json", ".claude/loop.md"),
    *(".claude/output-styles", ".claude/routines", ".claude/scheduled_tasks.json", ".claude/settings.json"),
    *(".claude/settings.local.json", ".claude/skills", ".claude/workflows"),
)


def sandbox_settings(
    cwd: Path, private_dir: Path, home: Path, env: Mapping[str, str], checkout: Path | None = None
) -> dict[str, Any]:
    """The `sandbox` option of a session in `cwd`; `home` is the user's real one, and `checkout` the user's too."""
    places = (*_SHARED, state_dir(), cache_dir(), config_dir(), *((checkout,) if checkout else ()))
    hidden = list(dict.fromkeys((home, private_dir, *filter(Path.is_dir, places))))
    return {
        "enabled": True,
        "failIfUnavailable": True,
        "autoAllowBashIfSandboxed": True,
        "allowUnsandboxedCommands": False,
        "network": {"allowedDomains": []},
        "filesystem": {
            "denyWrite": [str(folder) for folder in _repository(cwd)],
            "denyRead": [str(folder) for folder in hidden],
            "allowRead": [str(path) for path in _readable(cwd, home, hidden, env)],
        },
        "credentials": {"envVars": [{"name": name, "mode": "deny"} for name in SECRETS]},
    }


def remove_placeholders(cwd: Path) -> None:
    """Delete the empty read-only files that a killed sandbox leaves in a worktree, and its empty folders."""
    for name in _SHIELDED:
        path = cwd / name
        if os.path.lexists(path) and _is_placeholder(path.lstat()):
            path.unlink()
    for folder in (cwd / ".claude" / ".cc-writes", cwd / ".claude"):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _is_placeholder(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_size == 0 and stat.S_IMODE(found.st_mode) == 0o444


def _readable(cwd: Path, home: Path, hidden: Sequence[Path], env: Mapping[str, str]) -> list[Path]:
    """What must stay readable below the hidden folders.

    The worktree, its repository, toolchains, programs on PATH with what they are installed in, Python's own path.
    """
    wanted = [cwd, *_repository(cwd), *(home / toolchain for toolchain in TOOLCHAINS), *_programs(cwd, env)]
    below = (path for path in wanted if path.exists() and _is_below(path, hidden))
    return list(dict.fromkeys(below))


def _is_below(path: Path, hidden: Sequence[Path]) -> bool:
    """Never a hidden folder itself, nor one around it."""
    return (
        path not in hidden
        and any(path.is_relative_to(folder) for folder in hidden)
        and not any(folder.is_relative_to(path.resolve()) for folder in hidden)
    )


def _programs(cwd: Path, env: Mapping[str, str]) -> Iterator[Path]:
    folders = (Path(entry) for name in ("PATH", "PYTHONPATH") for entry in env.get(name, "").split(os.pathsep) if entry)
    for folder in folders:
        yield from shown_for(folder, (cwd, cache_dir()))


def _repository(cwd: Path) -> list[Path]:
    """The git folder that a linked worktree belongs to; git cannot work without it.

    Only where its entry names the worktree back: the pointer lies where the worker writes.
    """
    pointer = cwd / ".git"
    if not pointer.is_file() or pointer.is_symlink():
        return []
    entry = Path(os.fsdecode(read_file(pointer)).removeprefix("gitdir:").strip())
    with contextlib.suppress(OSError, ValueError):
        back = Path(os.fsdecode(read_file(entry / "gitdir")).removesuffix("\n"))
        if entry.parent.name == "worktrees" and back.resolve() == pointer.resolve():
            return [entry.parent.parent]
    return []
