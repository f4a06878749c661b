"""`agentflow init`: slash commands, hooks and a config for this repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentflow.cli import options
from agentflow.errors import EnvironmentError_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentflow.claude_code.changes import Change

TRUST = "\nYour sessions here will go by the `hooks:` of .agentflow/config.yaml."
DISTRUST = "\nYour sessions here will no longer go by the `hooks:` of .agentflow/config.yaml."
WELCOME = """
The next Claude Code session here knows /agentflow:run, plan, review, resume, status, cost and apply.
Before anything of it runs, see what would and agree: agentflow trust
Hooks that prove and route are off until `hooks:` in .agentflow/config.yaml, or in your own, sets them.
A status line for your own settings: "statusLine": {"type": "command", "command": "agentflow-hook statusline"}
For all your repositories at once, as a plugin: /plugin marketplace add <agentflow's repository>, then
/plugin install agentflow@agentflow
"""


def init(
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take everything out again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")] = False,
    json: options.Json = False,
) -> None:
    """Set this repository up for agentflow inside Claude Code.

    A config, and slash commands and hooks in .claude/, which keeps everything that is there. Shown first, then asked.
    """
    from agentflow.claude_code import changes, installing
    from agentflow.config.trust import is_trusted
    from agentflow.report import setup, term

    root = _root()
    found = installing.removal(root) if uninstall else None
    made, kept = (found.changes, found.kept) if found else (installing.installation(root), ())
    turns = is_trusted(root) is uninstall
    idle = not made and not turns
    silent = None if uninstall else installing.why_silent()
    if not json:
        _show(made, kept)
        if silent:
            term.warn(f"Claude Code will not be able to start the hooks: {silent}")
        term.note((DISTRUST if uninstall else TRUST) if turns else "nothing to do" if idle else "")
    if not idle:
        _require_consent(yes=yes, as_json=json)
        changes.make(root, made)
        _note(root, made, uninstall=uninstall)
    if json:
        term.data(setup.init_document(root, made, kept, trusted=is_trusted(root), silent=silent))
    elif not idle and not uninstall:
        term.note(WELCOME)


def _root() -> Path:
    from agentflow.config.paths import here, repository_root

    root = repository_root(here())
    if root is None:
        raise EnvironmentError_("not inside a git repository", hint="go there, or make one: git init")
    return root


def _show(made: Sequence[Change], kept: Sequence[str]) -> None:
    from agentflow.report import term

    for change in made:
        term.note(change.diff or f"{change.word}: {change.path}")
    for path in kept:
        term.note(f"kept, since it was changed: {path}")


def _require_consent(*, yes: bool, as_json: bool) -> None:
    from agentflow.report.streams import can_ask

    if yes:
        return
    if as_json or not can_ask():
        raise EnvironmentError_("there is no terminal to ask on", hint="agree in advance with --yes")
    if not typer.confirm("Do that?", err=True):
        raise typer.Abort


def _note(root: Path, made: Sequence[Change], *, uninstall: bool) -> None:
    """Outside the repository: what was there before, and whether its configuration is trusted."""
    from agentflow.claude_code import installing
    from agentflow.config.trust import distrust, trust

    try:
        if uninstall:
            installing.forget(root)
            distrust(root)
        else:
            installing.remember(root, made)
            trust(root)
    except OSError as error:
        raise EnvironmentError_(f"cannot write {error.filename}: {error.strerror}") from error
