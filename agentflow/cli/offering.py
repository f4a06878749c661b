"""Offering the set-up that a repository's own files tell, once its checks turn out not to run without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from agentflow.errors import AgentflowError
    from agentflow.workflows.driver import Ending

#: Carries a run on, with these changed settings.
Carry = Callable[[Mapping[str, object]], "Ending"]


def with_offer(carry: Carry, changed: Mapping[str, object], root: Path, *, may_ask: bool) -> Ending:
    """Carry a run; where its checks cannot run, offer the likely set-up, and go on with it if the user wants.

    It is never run unasked: a repository can name anything.
    """
    ending = carry(changed)
    if not may_ask or (setup := _accepted(ending.error, root)) is None:
        return ending
    return carry({**changed, "setup": setup})


def _accepted(error: AgentflowError | None, root: Path) -> str | None:
    """The set-up command, when there is one to offer, a terminal to ask on, and the answer is not no."""
    from agentflow.report.streams import can_ask
    from agentflow.workflows.doctor import CannotRun

    if not isinstance(error, CannotRun) or error.setup is None or not can_ask():
        return None
    answer = _ask(error.message, error.setup)
    if answer == "remember":
        from agentflow.config.repositories import remember
        from agentflow.report import term

        term.note(f"remembered in {remember(root, setup=error.setup)}")
    return None if answer == "no" else error.setup


def _ask(problem: str, setup: str) -> str:
    """`remember`, `once` or `no`; the beginning of the word will do."""
    import typer

    from agentflow.report import term

    term.note(
        f"\n{problem}\n\nIts files say that this prepares a fresh checkout:\n  {setup}\n"
        "It would run in the run's own worktrees and environment; yours stays as it is."
    )
    while True:
        try:
            said = str(typer.prompt("Run it? (remember it for this repository / once / no)", "no", err=True))
        except typer.Abort:
            return "no"
        if found := next((word for word in ("remember", "once", "no") if said and word.startswith(said.lower())), None):
            return found
