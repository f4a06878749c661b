"""Trust: before anything of a repository runs here, its user is shown what would, and says yes.

The yes is for what decides what runs, by its content (`checks/deciding.py`). When a pull, or a run that was applied,
changes that, it is asked again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agentflow.checks.deciding import VARIABLE, agents_below, agreement, deciding, digest_of, is_agreed
from agentflow.checks.runners.discovery import discover
from agentflow.config.consents import consents_to
from agentflow.config.settings import Settings
from agentflow.domain.agents import Agent
from agentflow.errors import EnvironmentError_
from agentflow.git.repository import Repository


class NotTrusted(EnvironmentError_):
    """Nobody has agreed yet to what would run in this repository."""


@dataclass(frozen=True, slots=True)
class WhatRuns:
    """What of a repository runs here without another question, under the settings that were given.

    `agents`: those it defines itself, with the file. `files`: what was read to tell. `digest` stands for all that the
    repository itself has to say in that, whatever settings are given on top.
    """

    setup: str | None
    checks: tuple[str, ...]
    agents: Mapping[str, str]
    files: tuple[str, ...]
    digest: str

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from [f"set-up  {self.setup}"] if self.setup else []
        yield from (f"check   {command}" for command in self.checks)
        yield from (f"agent   {name}, by {file}" for name, file in self.agents.items())
        if not (self.setup or self.checks or self.agents):
            yield "no set-up, checks or agents of its own; checks that a plan names run without another question"


def what_runs(repository: Repository, settings: Settings, agents: Mapping[str, Agent]) -> WhatRuns:
    """What the repository's checkout has to say about it now."""
    root = repository.root
    discovered = discover(root).checks
    checks = settings.checks if settings.checks is not None else tuple(check.command for check in discovered)
    own = {name: str(Path(agent.source).relative_to(root)) for name, agent in agents.items() if _is_own(agent, root)}
    files = deciding(root, discovered)
    return WhatRuns(settings.setup, checks, own, tuple(files), digest_of(discovered, files))


def require_trust(repository: Repository, agreed: str = "") -> None:
    """Raises NotTrusted unless the user, or who set AGENTFLOW_TRUST, agreed to what runs here as it is now.

    `agreed`: the digest that they agreed to for a run, when it was begun.
    """
    if is_agreed(repository.root, repository.common_dir, agreed):
        return
    is_known = agreed or consents_to(repository.common_dir)
    what = "has changed what it runs here since it was trusted" if is_known else "has not been trusted yet"
    raise NotTrusted(
        f"{repository.root} {what}",
        hint=f"see what would run, and agree: agentflow trust; in scripts --trust, or {VARIABLE}=1",
    )


def agents_are_agreed(repository: Repository, root: Path) -> bool:
    """Whether the agents that are defined below `root` may be used: there are none, or the user agreed to them.

    `root` is the checkout, or a folder with files of a commit: those agents have to be the checkout's, to the byte.
    """
    theirs = agents_below(root)
    if not theirs or os.environ.get(VARIABLE):
        return True
    return theirs == agents_below(repository.root) and agreement(repository.root) in consents_to(repository.common_dir)


def _is_own(agent: Agent, root: Path) -> bool:
    return Path(agent.source).is_absolute() and Path(agent.source).is_relative_to(root)
