"""`agentflow demo`: the real thing on a small repository, with the model's words replayed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from agentflow.cli import options
from agentflow.errors import UsageError

GOAL = "Finish the till, so that an order becomes a printed receipt"
ABOUT = """\
This is a demo. The model's words are replayed from a scenario file; everything else is real:
the Claude Code CLI, its tools and sandbox, git worktrees, pytest, the ladder, the merge and the bill
(token counts are simulated, priced at list price; nothing is charged). No key and no network are needed.
"""


def demo(
    folder: Annotated[Path | None, typer.Option("--folder", metavar="PATH", help="Make it in this new folder.")] = None,
    json: options.Json = False,
) -> None:
    """See it work, without a key or network.

    A real run on a small repository with a failing feature; only the model's words are replayed.
    """
    from agentflow.checks.sandbox import why_no_sandbox
    from agentflow.config.machine import make_folder
    from agentflow.replay.demo.repository import SCENARIO, make_repository
    from agentflow.replay.scenario import load_scenario
    from agentflow.replay.server import ThreadedReplay
    from agentflow.report import term

    home = _new_home(folder)
    repository = home / "repository"
    make_folder(repository)
    make_repository(repository)
    term.note(ABOUT)
    term.note(f'$ cd {repository}\n$ agentflow run "{GOAL}" --yes\n')
    # The plan names `python`: it has to be the one that has pytest.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with ThreadedReplay(load_scenario(SCENARIO)) as server:
        environment = _environment(home, server.base_url)
        if why := why_no_sandbox():
            term.note(f"No sandbox works here ({why}), so this demo goes without one.")
            environment["AGENTFLOW_SANDBOX"] = "off"
        command = [sys.executable, "-m", "agentflow", "run", GOAL, "--yes", *(["--json"] if json else [])]
        code = subprocess.run(command, cwd=repository, env=environment, check=False).returncode
    term.note(_look_around(home, repository, environment))
    raise typer.Exit(code)


def _new_home(folder: Path | None) -> Path:
    """An absolute path: the run works in another folder than this process."""
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} holds something already", hint="name a new folder, or none for a temporary one")
    return (folder or Path(tempfile.mkdtemp(prefix="agentflow-demo-"))).absolute()


def _look_around(home: Path, repository: Path, environment: dict[str, str]) -> str:
    listing = ["git", "for-each-ref", "--format=%(refname:short)", "refs/heads/agentflow"]
    branch = subprocess.run(
        listing, cwd=repository, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    lines = [
        "",
        "Look around; the repository's own branch is as it was:",
        f"  cd {repository}",
        f"  git log --stat main..{branch.stdout.strip()}" if branch.stdout.strip() else "  git log",
        f"  AGENTFLOW_STATE_DIR={home / 'state'} agentflow runs show",
    ]
    return "\n".join(lines)


def _environment(home: Path, base_url: str) -> dict[str, str]:
    """The user's environment with its own state, so that replayed costs never reach the user's ledger."""
    return {
        **os.environ,
        "AGENTFLOW_STATE_DIR": str(home / "state"),
        "AGENTFLOW_CACHE_DIR": str(home / "cache"),
        "AGENTFLOW_CONFIG_DIR": str(home / "config"),
        "AGENTFLOW_TRUST": "1",
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "replayed",
        "ANTHROPIC_AUTH_TOKEN": "",
        "CLAUDE_CODE_OAUTH_TOKEN": "",
    }
