"""Asking the user what only they can decide about a repository, and remembering it if they want."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from agentflow.errors import AgentflowError
    from agentflow.workflows.driver import Ending
    from agentflow.workflows.opening import Workplace

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


def with_sandbox(workplace: Workplace, *, may_ask: bool) -> Workplace:
    """Where no sandbox works, ask whether to do without; unchanged when the answer is no, or nobody can be asked."""
    import asyncio

    from agentflow.report.streams import can_ask
    from agentflow.workflows.opening import NoSandbox, choose_sandbox, open_workplace

    try:
        choose_sandbox(workplace.settings)
    except NoSandbox as missing:
        root, without = workplace.repository.root, {"sandbox": "off"}
        if workplace.settings.sandbox == "full" or not (may_ask and can_ask()):
            return workplace
        if not _agreed(root, f"{missing.message}.\n({missing.hint})", "Go on without", without):
            return workplace
        return asyncio.run(open_workplace(root, {**workplace.flags, **without}))
    return workplace


def ask_for_trust(workplace: Workplace, *, may_ask: bool) -> None:
    """Before anything of a repository runs for the first time, show what would, and remember the user's yes."""
    import typer

    from agentflow.config.consents import consent
    from agentflow.report import term
    from agentflow.report.streams import can_ask
    from agentflow.workflows.trusting import NotTrusted, require_trust, what_runs

    try:
        require_trust(workplace.repository)
    except NotTrusted as error:
        if not (may_ask and can_ask()):
            return
        found = what_runs(workplace.repository, workplace.settings, workplace.agents)
        around = "with your own rights" if workplace.settings.sandbox == "off" else "in a sandbox"
        shown = "\n  ".join(found.lines())
        term.note(f"\n{error.message}. This would run, {around}:\n  {shown}")
        if typer.confirm("Do you trust it?", err=True):
            consent(workplace.repository.common_dir, found.digest)


def _accepted(error: AgentflowError | None, root: Path) -> str | None:
    """The set-up command, when there is one to offer, a terminal to ask on, and the answer is not no."""
    from agentflow.report.streams import can_ask
    from agentflow.workflows.doctor import CannotRun

    if not isinstance(error, CannotRun) or error.setup is None or not can_ask():
        return None
    problem = (
        f"{error.message}\n\nIts files say that this prepares a fresh checkout:\n  {error.setup}\n"
        "It would run in the run's own worktrees and environment, with the network; yours stays as it is."
    )
    return error.setup if _agreed(root, problem, "Run it", {"setup": error.setup}) else None


def _agreed(root: Path, problem: str, question: str, settings: Mapping[str, object]) -> bool:
    """Whether the user says yes, for once or, `settings` being remembered for the repository, for good.

    The beginning of the word will do.
    """
    import typer

    from agentflow.config.repositories import remember
    from agentflow.report import term

    term.note(f"\n{problem}")
    while True:
        try:
            said = str(
                typer.prompt(term.safe(f"{question}? (remember it for this repository / once / no)"), "no", err=True)
            )
        except typer.Abort:
            return False
        found = next((word for word in ("remember", "once", "no") if said and word.startswith(said.lower())), None)
        if found == "remember":
            term.note(f"remembered in {remember(root, **settings)}")
        if found:
            return found != "no"
