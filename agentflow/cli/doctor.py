"""`agentflow doctor`: what this machine has of what agentflow needs, as a bug report wants to know it."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import typer

from agentflow.cli import options
from agentflow.config import paths
from agentflow.errors import AgentflowError, EnvironmentError_

#: Distributions whose version decides how agentflow behaves.
PACKAGES = ("anthropic", "claude-agent-sdk", "dbos", "pydantic", "sqlalchemy", "typer")


def doctor(json: options.Json = False) -> None:
    """Say what a bug report needs: versions, login, sandbox and folders. No secret is among it.

    Exits with 4 when something that every run needs is missing.
    """
    from agentflow.report import term
    from agentflow.report.doctor import Fact, doctor_document, doctor_text

    facts = [Fact(name, *_told(look)) for name, look in _LOOKS.items()]
    term.data(doctor_document(facts) if json else doctor_text(facts))
    if any(fact.problem for fact in facts):
        raise typer.Exit(EnvironmentError_.exit_code)


def _told(look: Callable[[], str]) -> tuple[str, str | None]:
    """What was found, or else what is wrong with it."""
    try:
        return look(), None
    except AgentflowError as error:
        return "", error.message + (f" ({error.hint})" if error.hint else "")
    except (OSError, subprocess.SubprocessError) as error:
        return "", str(error)


def _agentflow() -> str:
    import agentflow

    return f"{agentflow.__version__} ({Path(agentflow.__file__).parent})"


def _packages() -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)


def _git() -> str:
    import asyncio

    from agentflow.git.repository import require_version

    return f"{asyncio.run(require_version(Path('/')))} ({shutil.which('git')})"


def _cli() -> str:
    from agentflow.models.launch import bundled_cli

    cli = bundled_cli()
    told = subprocess.run([cli, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if told.returncode:
        said = told.stderr.decode("utf-8", "replace").strip()
        raise EnvironmentError_(f"{cli} does not start: {said or f'exit status {told.returncode}'}")
    return f"{told.stdout.decode('utf-8', 'replace').strip()} ({cli})"


def _sandbox() -> str:
    from agentflow.checks.sandbox import why_no_sandbox

    return f"none: {why}" if (why := why_no_sandbox()) else "bubblewrap, which held in a trial"


def _hooks() -> str:
    from agentflow.claude_code.installing import why_silent

    return why_silent() or "agentflow-hook starts"


def _login() -> str:
    from agentflow.models.login import find_login

    return find_login(os.environ).kind.value


def _folder(where: Callable[[], Path], *, needed: bool = True) -> Callable[[], str]:
    def look() -> str:
        from agentflow.config import machine

        folder = where()
        if needed and not os.access(machine.make_folder(folder), os.W_OK | os.X_OK):
            raise machine.unusable(folder, PermissionError(errno.EACCES, "it cannot be written"))
        return f"{folder}{' (noexec)' if machine.is_noexec(folder) else ''}"

    return look


_LOOKS: dict[str, Callable[[], str]] = {
    "agentflow": _agentflow,
    "python": lambda: f"{platform.python_version()} ({sys.executable})",
    "system": platform.platform,
    "packages": _packages,
    "git": _git,
    "claude code": _cli,
    "login": _login,
    "sandbox": _sandbox,
    "hooks": _hooks,
    "state": _folder(paths.state_dir),
    "cache": _folder(paths.cache_dir),
    "config": _folder(paths.config_dir, needed=False),
}
